"""Meta-testing of a few-shot run, finished or not.

Meta Dropout, section 4: accuracy over 1,000 episodes of classes never seen,
with the 95 % interval over the episodes; besides, the negative log-likelihood
and the calibration error of all answers.
"""

import sys
import time

import tqdm

from mp_keras import checkpointing
from mp_keras import files
from mp_keras.evaluation.metrics import classification_metrics
from mp_keras.few_shot import episode_evaluation
from pipeline import intervals
from pipeline.runs import config_values
from pipeline.runs import run_configs
from pipeline.runs import runtime
from pipeline.storage import artifact_store
from pipeline.trainings import few_shot_episodes
from pipeline.trainings import few_shot_methods

_PROGRESS_EVERY = 100  # episodes
_SHAPES = ("ways", "image_size", "image_channels", "channels")
_TRAINING = ("algorithm", "inner_perturbation", "tasks", "steps", "seed")
_TEST = (
    "ways",
    "shots",
    "queries",
    "queries_per",
    "samples",
    "noise_in_test",
    "test_seed",
)


def evaluate_few_shot(workdir, config=None, data_dir=None):
    """Tests a run at its newest checkpoint and writes `evaluation.json`.

    Args:
        workdir: Path-like or URI, folder of a `few_shot_train`.
        config: Config of `configs/few_shot/` that names data, episodes and
            inner steps, or None for the run's own. What decides which weights
            there are must be the run's.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.

    Returns: the dict that `evaluation.json` holds.
    Raises: FileNotFoundError, ValueError, if there is no run, no whole
        checkpoint of it, or config or data do not suit it.
    """
    with artifact_store.working_copy(workdir) as folder:
        stored = _read_config(folder)
        config = stored if config is None else config
        config_values.check(config.to_dict())
        _check_same_weights(folder, stored, config)
        _check_new_classes(folder, stored, config)
        data = few_shot_episodes.load_data(config, data_dir)
        runtime.configure(config.seed)
        learner, step = load_learner(folder, config)
        result = {
            **test_metrics(learner, data.test, config),
            **settings(stored, config),
            "step": step,
            "data_digest": data.digest(),
        }
        files.write_json(folder / "evaluation.json", result)
        return result


def load_learner(folder, config=None):
    """Returns the `FewShotLearner` of a run's newest checkpoint, and its step.

    Args:
        folder: Path of a `few_shot_train` on this machine.
        config: Config to build it by, with the run's weights, or None for the
            run's own.

    Raises: FileNotFoundError, ValueError, if there is no run or no whole
        checkpoint of it.
    """
    config = _read_config(folder) if config is None else config
    trainer = few_shot_methods.make_trainer(config)
    if not (folder / "checkpoints").is_dir():
        raise _no_checkpoint(folder)
    checkpoints = checkpointing.Checkpoints(
        folder / "checkpoints", trainer.state
    )
    step = checkpoints.restore()
    if not step:
        raise _no_checkpoint(folder)
    return trainer.learner, step


def _read_config(folder):
    return run_configs.read(folder, run_kind="few-shot training", key="ways")


def test_metrics(learner, class_images, config):
    """Returns the metrics of a learner on its test episodes.

    Args:
        learner: `FewShotLearner`.
        class_images: `ClassImages` to test on.
        config: Config of `configs/few_shot/`.

    Returns: dict with `accuracy`, `negative_log_likelihood`,
        `expected_calibration_error` as `classification_metrics` has them;
        `accuracy_half_width`, of the 95 % interval of the mean over episodes
        in percent, None for a single episode; `episodes`.
    """
    episodes = few_shot_episodes.fixed_episodes(
        config, class_images, config.test_episodes
    )
    answers = episode_evaluation.evaluate_episodes(
        learner,
        _with_progress(episodes, config.test_episodes),
        config.samples,
        config.noise_in_test,
    )
    return answers_metrics(answers)


def answers_metrics(answers):
    """Returns the dict of `test_metrics` for `EpisodeAnswers`."""
    classes = answers.probabilities.shape[2]
    spread = intervals.interval(100 * answers.accuracies)
    return {
        **classification_metrics(
            answers.probabilities.reshape(-1, classes),
            answers.labels.reshape(-1),
        ),
        "accuracy_half_width": spread["half_width"],
        "episodes": len(answers.labels),
    }


def settings(trained, tested):
    """Returns the values that a result repeats from its configs.

    Args:
        trained: Config of the training; `tested`, of the test.
    """
    return {
        **{key: trained[key] for key in _TRAINING},
        **{key: tested[key] for key in _TEST},
        "data": tested.data.source,
    }


def _with_progress(episodes, count):
    """Yields the episodes; now and then prints a line where errors go."""
    began = time.monotonic()
    for done, episode in enumerate(episodes, start=1):
        yield episode
        if done % _PROGRESS_EVERY == 0 or done == count:
            line = tqdm.tqdm.format_meter(
                done,
                count,
                time.monotonic() - began,
                ncols=79,
                prefix="test",
                unit="episode",
            )
            print(line, file=sys.stderr, flush=True)


def _check_same_weights(folder, stored, config):
    """Refuses a config whose learner has other weights than the run's."""
    keys = ("algorithm", "inner_perturbation", *_SHAPES)
    if config.inner_perturbation in config:
        keys += (config.inner_perturbation,)
    old, new = (
        {key: part.to_dict().get(key) for key in keys}
        for part in (stored, config)
    )
    difference = run_configs.first_difference(old, new)
    if difference:
        key, was, now = difference
        raise ValueError(
            f"Config key `{key}` must be that of the run in {folder}, {was!r}. "
            f"Received: {key}={now!r}"
        )


def _check_new_classes(folder, stored, config):
    """Refuses another cut of the data that the run has learned from."""
    same_source = config.data.source == stored.data.source
    if same_source and config.data.seed != stored.data.seed:
        raise ValueError(
            f"Config key `data.seed` must be that of the run in {folder}, "
            f"{stored.data.seed}: it has learned from classes that another "
            f"one takes to test. Received: data.seed={config.data.seed}"
        )


def _no_checkpoint(folder):
    return FileNotFoundError(
        f"Folder {folder} must have a checkpoint to be tested. "
        "Received: none yet"
    )
