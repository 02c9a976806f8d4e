"""Configs in their smoke form, thinner still, and what runs leave."""

import contextlib
import json

import pytest
from tensorboard.backend.event_processing import event_accumulator

from configs.few_shot import glyphs as few_shot_glyphs
from configs.meta_train import glyphs
from configs.target import default
from pipeline.runs import run_log


def meta_config(source, **changes):
    """The meta-training config, `:conv4,smoke`, 8 channels, on a source.

    Args:
        source: Str, name of the source.
        **changes: Values by key; `data__seed` stands for `data.seed`.
    """
    return _changed(glyphs.get_config("conv4,smoke"), source, changes)


def target_config(source, **changes):
    """The same for a target: all examples of each class, none held out."""
    changes = {
        "data__examples_per_class": 0,
        "data__validation_fraction": 0.0,
        **changes,
    }
    return _changed(default.get_config("conv4,smoke"), source, changes)


def few_shot_config(source, **changes):
    """The few-shot config, `:2way_1shot,smoke`, without export."""
    changes = {"export": False, **changes}
    config = few_shot_glyphs.get_config("2way_1shot,smoke")
    return _changed(config, source, changes)


def _changed(config, source, changes):
    config.data.source = source
    if "network_options" in config:
        config.network_options.channels = 8
    config.update_from_flattened_dict(
        {key.replace("__", "."): value for key, value in changes.items()}
    )
    return config


@contextlib.contextmanager
def interrupted_after(step):
    """A training within is interrupted after a step, as by a kill."""
    follow = run_log.RunLog.on_train_batch_end

    def follow_and_stop(log, batch, logs=None):
        follow(log, batch, logs)
        if log._step == step:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_log.RunLog, "on_train_batch_end", follow_and_stop)
        with pytest.raises(KeyboardInterrupt):
            yield


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def history_steps(workdir):
    lines = (workdir / "history.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


def read_events(workdir):
    """Returns TensorBoard's own reading of a run's event files."""
    events = event_accumulator.EventAccumulator(
        str(workdir / "tensorboard"),
        size_guidance={event_accumulator.TENSORS: 0},
    )
    events.Reload()
    return events
