"""A run as TensorBoard's HPARAMS page reads it."""

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import plugin_data_pb2

from pipeline import intervals
from pipeline.trainings import hparams_summary
from tests.pipeline import smoke

RESULT = dict.fromkeys(intervals.METRICS, 0.5)


@pytest.fixture
def read(tmp_path):
    """Writes a run and returns its hyperparameters and its scalars."""

    def read(result=RESULT, **changes):
        config = smoke.target_config("npz:a.npz", **changes)
        hparams_summary.write(tmp_path, config, result)
        events = event_accumulator.EventAccumulator(
            str(tmp_path), size_guidance={event_accumulator.TENSORS: 0}
        )
        events.Reload()
        tag = "_hparams_/session_start_info"
        content = events.SummaryMetadata(tag).plugin_data.content
        data = plugin_data_pb2.HParamsPluginData.FromString(content)
        values = {
            name: getattr(value, value.WhichOneof("kind"))
            for name, value in data.session_start_info.hparams.items()
        }
        scalars = {}
        for tag in events.Tags()["tensors"]:
            if not tag.startswith("_hparams_"):
                (event,) = events.Tensors(tag)
                value = tf.make_ndarray(event.tensor_proto)
                scalars[tag] = (event.step, value)
        return values, scalars

    return read


class WriteTest:
    def test_hyperparameters_of_the_method(self, read):
        values, _ = read(method="drop_block", seed=3)
        assert values["method"] == "drop_block"
        assert values["data"] == "npz:a.npz"
        assert values["seed"] == 3
        assert values["drop_block.rate"] == 0.1
        assert "mixup.alpha" not in values
        assert "phi" not in values

    def test_phi_is_one(self, read):
        values, _ = read(method="meta_perturb", phi="glyphs_conv4")
        assert values["phi"] == "glyphs_conv4"

    def test_metrics_at_the_last_step(self, read):
        _, scalars = read(steps=4)
        assert scalars == {
            f"result/{name}": (4, 0.5) for name in intervals.METRICS
        }

    def test_validation_too(self, read):
        validation = dict.fromkeys(intervals.METRICS, 0.25)
        _, scalars = read({**RESULT, "validation": validation})
        assert scalars["validation/accuracy"] == (4, 0.25)
        assert len(scalars) == 2 * len(intervals.METRICS)
