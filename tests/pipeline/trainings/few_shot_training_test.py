"""Whole few-shot trainings of seconds: what they leave and how they fail."""

import contextlib
import json

import numpy as np
import pytest
import tensorflow as tf

from mp_keras import checkpointing
from pipeline.runs import run_folder
from pipeline.trainings import few_shot_episodes
from pipeline.trainings import few_shot_evaluation
from pipeline.trainings import few_shot_methods
from pipeline.trainings import few_shot_training
from tests import eager
from tests import patterns
from tests.pipeline import smoke
from tests.tools import processes


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    return patterns.write_npz(folder / "patterns.npz")


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    """Config, folder and result of a run of 40 steps."""
    workdir = tmp_path_factory.mktemp("few_shot") / "run"
    config = smoke.few_shot_config(
        source,
        export=True,
        inner_steps=1,
        channels=8,
        steps=40,
        log_every=10,
        checkpoint_every=20,
        learning_rate=0.01,
        test_episodes=20,
    )
    return config, workdir, few_shot_training.few_shot_train(config, workdir)


class FewShotTrainTest:
    def test_learns(self, finished):
        config, workdir, result = finished
        history = run_folder.RunFolder(workdir, config.to_dict()).history()
        assert [window["step"] for window in history] == [10, 20, 30, 40]
        assert history[-1]["query_loss"] < 0.8 * history[0]["query_loss"]
        assert result["accuracy"] > 75.0  # of two classes never seen
        assert result["query_loss"] == history[-1]["query_loss"]
        assert result == smoke.read_json(workdir / "result.json")

    def test_result_says_what_was_done(self, finished, source):
        config, workdir, result = finished
        expected = {
            "algorithm": "maml",
            "inner_perturbation": "meta_dropout",
            "ways": 2,
            "shots": 1,
            "queries": 4,
            "queries_per": "task",
            "samples": 2,
            "steps": 40,
            "tasks": 2,
            "seed": 0,
            "test_seed": 0,
            "episodes": 20,
            "data": source,
        }
        assert {key: result[key] for key in expected} == expected
        assert result["seconds"] > 0
        data = few_shot_episodes.load_data(config)
        assert result["data_digest"] == data.digest()
        assert result["versions"]["tensorflow"] == tf.__version__

    def test_validates_at_each_checkpoint(self, finished):
        config, workdir, result = finished
        history = run_folder.RunFolder(workdir, config.to_dict()).history()
        validated = [w.get("validation_accuracy") for w in history]
        assert validated[0] is validated[2] is None
        assert 0 <= validated[1] <= 1
        assert result["validation_accuracy"] == 100 * validated[3]

    def test_tensorboard_shows_every_tag(self, finished):
        _, workdir, _ = finished
        events = smoke.read_events(workdir)
        windows = ["support/loss", "query/loss", "query/accuracy"]
        windows += [f"{what}_norm/outer" for what in ("grad", "weight")]
        windows += [f"{what}_norm/perturb" for what in ("grad", "weight")]
        windows += ["update_norm/outer", "update_norm/perturb", "time/step_ms"]
        at_checkpoints = ["validation/loss", "validation/accuracy"]
        at_checkpoints += [
            f"noise/share_{place}" for place in (1, 2, 3, 4, "logits")
        ]
        shown = set(events.Tags()["tensors"])
        assert shown == {*windows, *at_checkpoints}
        for tag in windows:
            assert [e.step for e in events.Tensors(tag)] == [10, 20, 30, 40]
        for tag in at_checkpoints:
            assert [e.step for e in events.Tensors(tag)] == [20, 40]

    def test_saved_model_answers_as_the_checkpoint(self, finished):
        config, workdir, _ = finished
        loaded = tf.saved_model.load(str(workdir / "saved_model"))
        data = few_shot_episodes.load_data(config).test
        support, query = data.images[[0, 10]], data.images[[1, 11, 2]]
        answer = loaded.adapt(support, np.array([0, 1], np.int32), query)
        learner, step = few_shot_evaluation.load_learner(workdir)
        assert step == 40
        adapted, _ = learner.adapt(
            learner.values(), support / 255, [0, 1], [0, 0], config.samples
        )
        logits = learner.logits(adapted, query / 255)
        np.testing.assert_allclose(
            answer["probabilities"], tf.nn.softmax(logits), rtol=1e-3
        )

    def test_noise_can_be_left_out_of_the_test(self, finished):
        """It then no longer matters how many samples there are."""
        config, workdir, result = finished
        found = []
        for samples in (1, 5):
            changed = config.copy_and_resolve_references()
            changed.update(noise_in_test=False, samples=samples)
            found.append(
                few_shot_evaluation.evaluate_few_shot(workdir, changed)
            )
        likelihoods = [each["negative_log_likelihood"] for each in found]
        assert likelihoods[0] == likelihoods[1]
        assert likelihoods[0] != result["negative_log_likelihood"]
        assert found[0]["noise_in_test"] is False

    def test_finished_run_returns_at_once(self, finished, monkeypatch):
        config, workdir, result = finished
        monkeypatch.setattr(few_shot_episodes, "load_data", lambda *a: 1 / 0)
        assert few_shot_training.few_shot_train(config, workdir) == result

    def test_other_data_than_it_began_with(self, finished, tmp_path):
        config, workdir, _ = finished
        noted = smoke.read_json(workdir / "data.json")
        noted["digest"] = noted["digest"][::-1]
        (tmp_path / "data.json").write_text(json.dumps(noted))
        with pytest.raises(ValueError, match="data that this run began with"):
            few_shot_training.few_shot_train(config, tmp_path)

    def test_another_config_in_its_folder_is_refused(self, finished, source):
        _, workdir, _ = finished
        config = smoke.few_shot_config(source)
        with pytest.raises(ValueError, match="holds a run with channels=8"):
            few_shot_training.few_shot_train(config, workdir)


def tiny_config(source, **changes):
    """Four steps that cost little, with a checkpoint after the second."""
    changes = {
        "inner_steps": 1,
        "channels": 2,
        "log_every": 1,
        "validation_episodes": 0,
        "test_episodes": 1,
        **changes,
    }
    return smoke.few_shot_config(source, **changes)


class ResumeTest:
    @pytest.mark.parametrize("replicas", [1, 2])
    def test_resumed_run_equals_the_unbroken_one(
        self, source, tmp_path, replicas
    ):
        config = tiny_config(
            source, replicas=replicas, inner_perturbation="fixed_gaussian"
        )
        # Replicas need graphs: TensorFlow's eager all-reduce mixes up runs.
        graphs = eager.eager_steps if replicas == 1 else contextlib.nullcontext

        def train(config, workdir):
            with graphs():
                return few_shot_training.few_shot_train(config, workdir)

        expected = train(config, tmp_path / "unbroken")
        with smoke.interrupted_after(3):
            train(config, tmp_path / "run")
        # Another process would not hold the lock of this one.
        (tmp_path / "run" / "lock").unlink()
        actual = train(config, tmp_path / "run")
        processes.assert_same_run(tmp_path / "run", tmp_path / "unbroken")
        assert {**actual, "seconds": 0} == {**expected, "seconds": 0}


@pytest.mark.usefixtures("eagerly")
class OptionsTest:
    def test_validation_classes_can_be_trained_on(self, source, tmp_path):
        config = tiny_config(
            source,
            data__train_on_validation=True,
            validation_episodes=1,
            steps=1,
        )
        assert few_shot_episodes.load_data(config).train.classes == 8
        result = few_shot_training.few_shot_train(config, tmp_path)
        assert "validation_accuracy" not in result
        tags = smoke.read_events(tmp_path).Tags()["tensors"]
        assert "query/loss" in tags and "validation/loss" not in tags

    @pytest.mark.parametrize(
        "perturbation",
        ["none", "mixup", "information_dropout", "adversarial"],
    )
    def test_rivals_train(self, source, tmp_path, perturbation):
        config = tiny_config(source, inner_perturbation=perturbation, steps=1)
        result = few_shot_training.few_shot_train(config, tmp_path)
        assert result["inner_perturbation"] == perturbation
        assert np.isfinite(result["query_loss"])

    def test_shared_test_episodes_for_all_seeds(self, source):
        drawn = []
        for changes in ({"seed": 0}, {"seed": 1}, {"test_seed": 1}):
            config = smoke.few_shot_config(source, **changes)
            data = few_shot_episodes.load_data(config)
            episodes = few_shot_episodes.fixed_episodes(config, data.test, 2)
            drawn.append([part.numpy() for part in next(iter(episodes))])
        np.testing.assert_array_equal(drawn[0][2], drawn[1][2])
        assert np.any(drawn[0][2] != drawn[2][2])


@pytest.mark.usefixtures("eagerly")
class FailureTest:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"algorithm": "sgd"}, "`algorithm` must be one of"),
            (
                {"inner_perturbation": "dropout"},
                "`inner_perturbation` must be one of",
            ),
            ({"tasks": 3, "replicas": 2}, "`tasks`(.|\n)*tasks=3"),
            ({"replicas": 5}, "`replicas` must be at most"),
            ({"ways": 3}, "The test classes of npz:.*`ways` must be at most 2"),
            ({"shots": 10}, "at least 12 images(.|\n)*10 of class"),
            ({"queries_per": "way"}, "one of .'task', 'class'"),
            ({"image_channels": 2}, "`channels` must be 1 or 3"),
            ({"samples": 0}, "`samples` must be an integer from 1"),
            ({"test_episodes": 0}, "`test_episodes` must be an integer from 1"),
            ({"data__source": "lmdb:x"}, "`source` must be few_shot:"),
        ],
    )
    def test_wrong_config_can_be_corrected_in_its_folder(
        self, source, tmp_path, changes, message
    ):
        config = smoke.few_shot_config(source, **changes)
        with pytest.raises(ValueError, match=message):
            few_shot_training.few_shot_train(config, tmp_path)
        run_folder.RunFolder(tmp_path, {"another": "config"})

    def test_bad_loss_keeps_the_last_good_checkpoint(
        self, source, tmp_path, monkeypatch
    ):
        config = tiny_config(source, inner_perturbation="none")
        episodes = few_shot_episodes.training_episodes

        def spoiled(*arguments):
            """The images of step 3 are not numbers."""
            counted = episodes(*arguments).enumerate()
            return counted.map(
                lambda step, batch: (
                    batch[0] * tf.where(step == 3, np.nan, 1.0),
                    *batch[1:],
                )
            )

        monkeypatch.setattr(few_shot_episodes, "training_episodes", spoiled)
        message = "must be finite.*at step 4(.|\n)*ckpt-2"
        with pytest.raises(FloatingPointError, match=message):
            few_shot_training.few_shot_train(config, tmp_path)
        assert not (tmp_path / "result.json").exists()
        trainer = few_shot_methods.make_trainer(config)
        checkpoints = checkpointing.Checkpoints(
            tmp_path / "checkpoints", trainer.state
        )
        assert checkpoints.restore() == 2
        monkeypatch.setattr(few_shot_episodes, "training_episodes", episodes)
        config.learning_rate /= 10
        result = few_shot_training.few_shot_train(config, tmp_path)
        assert np.isfinite(result["query_loss"])

    def test_lost_history_is_told(self, source, tmp_path):
        config = tiny_config(source, inner_perturbation="none")
        few_shot_training.few_shot_train(config, tmp_path)
        for name in ("history.jsonl", "result.json"):
            (tmp_path / name).unlink()
        with pytest.raises(ValueError, match="must have history.jsonl"):
            few_shot_training.few_shot_train(config, tmp_path)
