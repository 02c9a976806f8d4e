"""The search for φ: its directions, its controls, and how it resumes."""

import csv

import numpy as np
import pytest
import scipy.special

import mp_keras
from configs.tune import phi as phi_config
from mp_keras.perturbation import function
from pipeline import phi_search
from pipeline.trainings import target_training
from tests.pipeline import smoke


def make_config(**changes):
    config = phi_config.get_config("smoke")
    config.update_from_flattened_dict({"trials": 6, **changes})
    return config


@pytest.fixture
def runs(monkeypatch):
    """Replaces training: the loss depends on φ, its strength and the task."""
    runs, configs = [], {}

    def train(config, folder, data_dir):
        found = configs.setdefault(folder, config.to_dict())
        assert found == config.to_dict()  # a run is of one config
        phi = mp_keras.load_perturbation(config.phi)
        assert phi.noise_per == "channel"
        depth = float(phi.values()["scale_head"][9])
        runs.append((config.c_max, depth, config.data.classes))
        loss = abs(config.c_max - 0.5) + abs(depth - 3) / 10
        loss += config.data.classes[0]
        return {"negative_log_likelihood": float(loss)}

    monkeypatch.setattr(target_training, "train_target", train)
    return runs


class MakePhiTest:
    def test_directions_act_as_their_names_say(self):
        features = np.random.default_rng(0).normal(size=(4, 8, 8, 3))
        features = features.astype("float32")
        positive = np.maximum(features, 0)
        own = phi_search.make_phi({"own": 0.5})
        np.testing.assert_allclose(
            own.noise_mean(features), 0.5 * positive, atol=1e-6
        )
        pooled = phi_search.make_phi({"pooled": -1.0})
        np.testing.assert_allclose(
            np.asarray(pooled.noise_mean(features))[..., 1],
            -positive.mean(-1),
            atol=1e-6,
        )
        phi = phi_search.make_phi({"statistic": 2.0, "depth": 3.0})
        statistics = function.batch_statistics(phi.channel_features(features))
        expected = 2 * positive.mean((0, 1, 2)) + 3 * 8 / 16
        np.testing.assert_allclose(
            phi.scale(*statistics, channel_ratio=1.0, height_ratio=8 / 16),
            scipy.special.expit(expected),
            rtol=1e-5,
        )

    def test_without_a_direction_it_is_untrained_noise(self):
        phi = phi_search.make_phi({"c_max": 0.5}, noise_per="channel")
        features = np.ones((2, 4, 4, 3), "float32")
        assert not np.any(phi.noise_mean(features))
        statistics = function.batch_statistics(phi.channel_features(features))
        np.testing.assert_array_equal(phi.scale(*statistics, 1.0, 1.0), 0.5)
        assert phi.noise_per == "channel"


class SearchTest:
    def test_controls_then_what_is_around_the_best_then_the_search(
        self, runs, tmp_path
    ):
        config = make_config(controls=(0.25, 0.75, 0.6), trials=8)
        rows = phi_search.search(config, tmp_path)
        assert [strength for strength, *_ in runs[::2]][:3] == [0.25, 0.75, 0.6]
        assert [depth for _, depth, _ in runs[:6]] == [0] * 6
        assert [classes for *_, classes in runs[:2]] == [(0, 1, 2), (3, 4, 5)]
        around_the_best = [(0.6, 0), (0.6, 0), (0.6, 1.5), (0.6, -1.5)]
        assert [point[:2] for point in runs[6:14:2]] == around_the_best
        assert len(rows) == 8
        losses = [row["loss"] for row in rows]
        assert losses == sorted(losses)
        control = abs(0.6 - 0.5) + 0.3 + 1.5  # the best of the three
        for row in rows:
            assert row["gain"] == pytest.approx(control - row["loss"], abs=1e-5)
            assert row["task_1"] == pytest.approx(row["task_2"])
        with (tmp_path / "search.csv").open() as file:
            table = list(csv.DictReader(file))
        assert [float(row["loss"]) for row in table] == losses
        best = mp_keras.load_perturbation(tmp_path / "phi_1")
        assert best.values()["scale_head"][9] == rows[0]["depth"]
        assert mp_keras.load_card(tmp_path / "phi_1")["directions"] == {
            name: rows[0][name] for name in config.directions
        }

    def test_killed_trial_is_taken_up(self, runs, tmp_path, monkeypatch):
        replaced = target_training.train_target

        def killed(config, folder, data_dir):
            if len(runs) == 9:  # the second task of the fifth trial
                raise KeyboardInterrupt
            return replaced(config, folder, data_dir)

        with monkeypatch.context() as patch:
            patch.setattr(target_training, "train_target", killed)
            with pytest.raises(KeyboardInterrupt):
                phi_search.search(make_config(), tmp_path)
        *_, left = runs
        assert len(phi_search.search(make_config(), tmp_path)) == 6
        assert runs[9][:2] == left[:2]
        assert len(runs) == 9 + 2 + 2
        phi_search.search(make_config(), tmp_path)  # what is finished stays
        assert len(runs) == 13

    def test_another_config_is_another_search(self, runs, tmp_path):
        phi_search.search(make_config(trials=1), tmp_path)
        config = make_config(trials=1, **{"target.l2": 0.1})
        phi_search.search(config, tmp_path)
        assert len(runs) == 4
        assert len(list((tmp_path / "phi").iterdir())) == 2
        config = make_config(trials=1, task_classes=((1, 2, 3), (4, 5, 6)))
        phi_search.search(config, tmp_path)
        assert [classes for *_, classes in runs[4:]] == [(1, 2, 3), (4, 5, 6)]

    def test_point_that_is_not_finite_is_a_bad_one(
        self, runs, tmp_path, monkeypatch, capsys
    ):
        replaced = target_training.train_target

        def diverged(config, folder, data_dir):
            if config.c_max == 0.75:
                raise FloatingPointError("the loss is not finite")
            return replaced(config, folder, data_dir)

        monkeypatch.setattr(target_training, "train_target", diverged)
        config = make_config(controls=(0.5, 0.75), trials=3)
        rows = phi_search.search(config, tmp_path)
        assert len(rows) == 2
        assert 0.75 not in [row["c_max"] for row in rows]
        assert "the loss is not finite" in capsys.readouterr().out
        assert runs[-1][:2] == (0.5, 0)  # the star's, around what is left
        config = make_config(controls=(0.75,), trials=1)
        with pytest.raises(ValueError, match="a control that comes to an end"):
            phi_search.search(config, tmp_path / "other")

    def test_trial_of_another_process_is_left_to_it(
        self, runs, tmp_path, monkeypatch
    ):
        replaced = target_training.train_target

        def killed(config, folder, data_dir):
            raise KeyboardInterrupt

        monkeypatch.setattr(target_training, "train_target", killed)
        with pytest.raises(KeyboardInterrupt):
            phi_search.search(make_config(), tmp_path)
        monkeypatch.setattr(target_training, "train_target", replaced)
        config = make_config(worker=1, controls=(0.5, 0.25))
        assert len(phi_search.search(config, tmp_path)) == 5
        assert 0.5 not in [strength for strength, *_ in runs[:2]]

    @pytest.mark.parametrize(
        "directions", [(), ("up",), ("c_max", "own", "pooled", "depth")]
    )
    def test_wrong_directions_are_refused(self, tmp_path, directions):
        with pytest.raises(ValueError, match="one to three of.*'c_max'"):
            phi_search.search(make_config(directions=directions), tmp_path)

    @pytest.mark.parametrize("controls", [(), (0.5, 2.0), (0.33,)])
    def test_controls_that_are_no_points_are_refused(self, tmp_path, controls):
        with pytest.raises(
            ValueError, match="from 0.1 to 1.0 in steps of 0.05"
        ):
            phi_search.search(make_config(controls=controls), tmp_path)

    @pytest.mark.long
    def test_whole_trainings(self, tmp_path):
        config = make_config(trials=1)
        rows = phi_search.search(config, tmp_path)
        # Untrained networks guess among three classes.
        assert rows[0]["loss"] == pytest.approx(np.log(3), abs=0.3)
        (first, second) = sorted((tmp_path / "trials").iterdir())
        assert first.name.endswith("task1") and second.name.endswith("task2")
        result = smoke.read_json(first / "result.json")
        assert result["method"] == "meta_perturb+manifold_mixup"
