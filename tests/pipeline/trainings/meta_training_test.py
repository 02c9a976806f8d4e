"""Whole meta-trainings of a few seconds: what they leave and how they fail."""

import json
import math

import keras
import numpy as np
import pytest

import mp_keras
from configs.meta_train import small_tasks
from mp_keras import checkpointing
from pipeline.runs import run_folder
from pipeline.trainings import meta_training
from pipeline.workers import strategies
from tests import squares
from tests.pipeline import smoke


@pytest.fixture(scope="module")
def finished(source, tmp_path_factory):
    """Config, folder and result of a run of 40 steps."""
    workdir = tmp_path_factory.mktemp("meta") / "run"
    config = smoke.meta_config(
        source,
        steps=40,
        batch_size=16,
        log_every=10,
        checkpoint_every=20,
        learning_rate=0.01,
        l2=0.0,
    )
    return config, workdir, meta_training.meta_train(config, workdir)


class MetaTrainTest:
    def test_learns(self, finished):
        config, workdir, result = finished
        history = run_folder.RunFolder(workdir, config.to_dict()).history()
        assert [window["step"] for window in history] == [10, 20, 30, 40]
        assert history[0]["task_loss"] > 1.2
        assert history[-1]["task_loss"] < 0.8 * history[0]["task_loss"]
        assert history[-1]["held_out_accuracy"] > 0.5  # of four classes
        assert result["held_out_accuracy"] == pytest.approx(
            100 * history[-1]["held_out_accuracy"]
        )
        assert result == smoke.read_json(workdir / "result.json")

    def test_phi_moved_and_is_that_of_the_last_checkpoint(self, finished):
        config, workdir, _ = finished
        saved = mp_keras.load_perturbation(workdir / "phi").values()
        trainer = meta_training.make_trainer(config, 4)
        start = trainer.perturbation.values()
        checkpoints = checkpointing.Checkpoints(
            workdir / "checkpoints", trainer.state
        )
        assert checkpoints.restore() == 40
        for name, array in trainer.perturbation.values().items():
            np.testing.assert_array_equal(saved[name], array)
            assert np.any(array != start[name])

    def test_card_says_where_phi_comes_from(self, finished, source):
        config, workdir, result = finished
        card = mp_keras.load_card(workdir / "phi")
        assert card["source"] == source
        assert len(card["source_digest"]) == 64
        assert (card["channel_norm"], card["spatial_norm"]) == (8, 16)
        assert card["terms"] == config.data.terms
        assert card["versions"]["keras"] == keras.__version__
        assert (card["source_classes"], card["classes_per_task"]) == (4, 0)
        assert card["network_options"] == config.network_options.to_dict()
        metrics = {key: card[key] for key in result if key != "data"}
        assert metrics == {k: v for k, v in result.items() if k != "data"}

    def test_learns_on_some_classes_alone(self, source, tmp_path):
        config = smoke.meta_config(source, steps=2, tasks=1)
        config.task_split = "class_wise"
        config.data.classes = ("blue", 3)
        meta_training.meta_train(config, tmp_path / "some")
        card = mp_keras.load_card(tmp_path / "some" / "phi")
        assert card["source_classes"] == 2
        assert card["source_images"] == 24
        config.data.classes = ("blue", "no such class")
        with pytest.raises(ValueError, match="`data.classes`.*'red'") as info:
            meta_training.meta_train(config, tmp_path / "none")
        assert "'no such class'" in str(info.value)

    def test_tensorboard_shows_every_tag(self, finished):
        _, workdir, _ = finished
        events = smoke.read_events(workdir)
        positions = [f"meta_perturb_{index}" for index in range(4)]
        windows = [
            f"{group}/{quantity}"
            for group in ("task", "held_out")
            for quantity in ("loss", "accuracy")
        ]
        windows += [
            f"{what}_norm/{whose}"
            for what in ("grad", "weight", "update")
            for whose in ("task", "perturb")
        ]
        windows.append("time/step_ms")
        at_checkpoints = ["perturb/noise_coefficient"]
        for name in positions:
            for quantity in ("scale_mean", "noise_mean", "scale", "noise"):
                at_checkpoints.append(f"perturb/{name}/{quantity}")
        pictures = [f"feature_map/{positions[index]}" for index in (0, 2, 3)]
        tags = events.Tags()["tensors"]
        assert set(tags) == {*windows, *at_checkpoints, *pictures}
        for tag, steps in (
            *((tag, [10, 20, 30, 40]) for tag in windows),
            *((tag, [20, 40]) for tag in at_checkpoints + pictures),
        ):
            assert [e.step for e in events.Tensors(tag)] == steps, tag
        for tag in pictures:
            *_, picture = events.Tensors(tag)[0].tensor_proto.string_val
            assert picture.startswith(b"\x89PNG")

    def test_finished_run_returns_at_once(self, finished, monkeypatch):
        config, workdir, result = finished
        monkeypatch.setattr(
            meta_training.datasets, "load_images", lambda *a, **k: 1 / 0
        )
        assert meta_training.meta_train(config, workdir) == result

    def test_other_data_than_it_began_with(self, finished, tmp_path):
        config, workdir, _ = finished
        noted = smoke.read_json(workdir / "data.json")
        noted["digest"] = noted["digest"][::-1]
        (tmp_path / "data.json").write_text(json.dumps(noted))
        with pytest.raises(ValueError, match="data that this run began with"):
            meta_training.meta_train(config, tmp_path)

    def test_run_killed_before_its_result_is_finished_alone(
        self, finished, tmp_path, monkeypatch
    ):
        """All steps are done, φ is not exported yet."""
        config, workdir, result = finished
        for file in workdir.rglob("*"):
            copy = tmp_path / file.relative_to(workdir)
            if file.is_file() and "phi" not in copy.parts:
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
        (tmp_path / "result.json").unlink()
        monkeypatch.setattr(meta_training, "_fit", lambda *a: 1 / 0)
        again = meta_training.meta_train(config, tmp_path)
        assert {**again, "seconds": 0} == {**result, "seconds": 0}
        ours = mp_keras.load_perturbation(tmp_path / "phi").values()
        theirs = mp_keras.load_perturbation(workdir / "phi").values()
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array)


class FailureTest:
    def test_bad_loss_keeps_the_last_good_checkpoint(
        self, source, tmp_path, monkeypatch
    ):
        """The tasks' learning rate explodes after step 5."""
        make_trainer = meta_training.make_trainer

        def make_exploding(*arguments):
            trainer = make_trainer(*arguments)
            schedule = keras.optimizers.schedules.PiecewiseConstantDecay
            trainer.compile(mp_keras.AdamL2(schedule([4], [1e-3, 1e30])))
            return trainer

        monkeypatch.setattr(meta_training, "make_trainer", make_exploding)
        config = smoke.meta_config(source, steps=10)
        message = r"must be finite.*ckpt-4. Tasks whose .* not finite: \[0, 1"
        with pytest.raises(FloatingPointError, match=message):
            meta_training.meta_train(config, tmp_path)
        assert smoke.history_steps(tmp_path) == [2, 4]
        assert not (tmp_path / "result.json").exists()
        assert not (tmp_path / "phi").exists()
        trainer = make_trainer(config, 4)
        checkpoints = checkpointing.Checkpoints(
            tmp_path / "checkpoints", trainer.state
        )
        assert checkpoints.restore() == 4
        values = trainer.perturbation.values().values()
        assert all(math.isfinite(x) for a in values for x in a.ravel())
        monkeypatch.setattr(meta_training, "make_trainer", make_trainer)
        config.learning_rate = 1e-4
        result = meta_training.meta_train(config, tmp_path)
        assert math.isfinite(result["held_out_loss"])
        assert smoke.history_steps(tmp_path) == [2, 4, 6, 8, 10]

    def test_task_with_bad_numbers_is_named(self, source):
        config = smoke.meta_config(source, replicas=2)
        strategy = strategies.make_strategy(config.replicas)
        trainer = meta_training.make_trainer(config, 4, strategy)
        assert "are finite" in meta_training._diagnose(trainer)
        bad = trainer.banks[1].weights[0]
        bad.assign(bad * math.nan)
        assert meta_training._diagnose(trainer).endswith("not finite: [1]")

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"batch_size": 25}, "part of a task, 24 examples(.|\n)*_size=25"),
            ({"tasks": 6}, "6 classes in all. Received: 4 classes"),
            ({"tasks": 3}, "`tasks` must be even"),
            ({"tasks": 0}, "`tasks`"),
            ({"task_split": "random"}, "`task_split` must be one of"),
            ({"train_examples": 1}, "`train_examples` must be None"),
            ({"network": "conv5"}, "Did you mean 'conv6'"),
            ({"replicas": 5}, "`replicas` must be at most(.|\n)*replicas=5"),
        ],
    )
    def test_wrong_config_can_be_corrected_in_its_folder(
        self, source, tmp_path, changes, message
    ):
        config = smoke.meta_config(source, **changes)
        with pytest.raises(ValueError, match=message):
            meta_training.meta_train(config, tmp_path)
        run_folder.RunFolder(tmp_path, smoke.meta_config(source).to_dict())

    def test_labels_without_images_of_a_class(self, tmp_path):
        """Fewer examples per class than a task's two halves need."""
        source = squares.write_npz(tmp_path / "few.npz", train_per_class=1)
        config = smoke.meta_config(source, data__examples_per_class=0)
        with pytest.raises(ValueError, match="at least 2 examples"):
            meta_training.meta_train(config, tmp_path / "run")


class MakeTrainerTest:
    def test_two_replicas_share_the_tasks(self, source):
        config = smoke.meta_config(source, replicas=2)
        strategy = strategies.make_strategy(config.replicas)
        trainer = meta_training.make_trainer(config, 4, strategy)
        assert trainer.replicas == 2
        assert [bank.tasks for bank in trainer.banks] == [1, 1]

    def test_optimizers_follow_the_config(self, source):
        config = smoke.meta_config(source, learning_rate=0.5, l2=0.25)
        trainer = meta_training.make_trainer(config, 4)
        for optimizer in (trainer.optimizer, trainer.task_optimizer):
            assert optimizer.l2 == 0.25
            assert float(optimizer.learning_rate) == 0.5

    def test_phi_has_a_rate_an_l2_and_a_spread_of_its_own(self, source):
        config = smoke.meta_config(
            source, phi_learning_rate=0.25, phi_l2=0.0, phi_stddev=0.5
        )
        trainer = meta_training.make_trainer(config, 4)
        assert trainer.optimizer.l2 == 0.0
        assert float(trainer.optimizer.learning_rate) == 0.25
        assert trainer.task_optimizer.l2 == config.l2
        assert trainer._task_rate == pytest.approx(config.learning_rate)
        numbers = [*trainer.perturbation.values().values()]
        spread = np.std(np.concatenate([n.ravel() for n in numbers]))
        assert 0.4 < spread < 0.6  # of 82 numbers

    def test_schedule_is_of_a_life_for_tasks_and_of_all_steps_for_phi(
        self, source
    ):
        config = smoke.meta_config(
            source, steps=100, restart_every=10, learning_rate_drops=(0.5,)
        )
        trainer = meta_training.make_trainer(config, 4)
        rate = config.learning_rate
        rates = [float(trainer._task_rate(step)) for step in (5, 6)]
        assert rates == pytest.approx([rate, 0.3 * rate])
        schedule = trainer.optimizer._learning_rate
        rates = [float(schedule(step)) for step in (50, 51)]
        assert rates == pytest.approx([rate, 0.3 * rate])


class RestartsTest:
    """Task 0 starts anew at steps 3 and 6, task 1 at 2 and 5."""

    CONFIG = {
        "steps": 7,
        "batch_size": 4,
        "log_every": 1,
        "checkpoint_every": 1,
        "restart_every": 3,
        "noise_ramp": 0.5,
    }

    def run(self, source, workdir):
        config = smoke.meta_config(source, **self.CONFIG)
        result = meta_training.meta_train(config, workdir)
        history = run_folder.RunFolder(workdir, config.to_dict()).history()
        return (
            [window["task_loss"] for window in history],
            mp_keras.load_perturbation(workdir / "phi").values(),
            result["held_out_loss"],
        )

    def test_config_of_small_tasks_runs(self, source, tmp_path):
        config = small_tasks.get_config("conv4,smoke")
        config.data.source = source
        result = meta_training.meta_train(config, tmp_path)
        assert math.isfinite(result["held_out_loss"])
        assert result["steps"] == 4

    @pytest.mark.long
    def test_stopped_run_goes_on_as_an_unbroken_one(self, source, tmp_path):
        whole = self.run(source, tmp_path / "whole")
        for steps in (2, 3):  # both before a restart
            with smoke.interrupted_after(steps):
                self.run(source, tmp_path / "broken")
        broken = self.run(source, tmp_path / "broken")
        assert broken[0] == whole[0]
        assert len(broken[0]) == 7
        for name, array in whole[1].items():
            np.testing.assert_array_equal(broken[1][name], array)
        assert broken[2] == whole[2]
