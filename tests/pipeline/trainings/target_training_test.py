"""Whole target trainings of a few seconds: what they leave, how they fail."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras import checkpointing
from mp_keras.evaluation import monte_carlo
from mp_keras.evaluation import temperature
from mp_keras.export import class_name_file
from mp_keras.perturbation import positions_of
from pipeline.runs import run_folder
from pipeline.trainings import methods
from pipeline.trainings import target_data
from pipeline.trainings import target_training
from pipeline.trainings import training_phases
from tests import small_networks
from tests import squares
from tests.pipeline import smoke


@pytest.fixture(scope="module")
def phi_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("exports") / "phi"
    mp_keras.save_perturbation(small_networks.random_phi(spread=0.1), path)
    return str(path)


@pytest.fixture(scope="module")
def finished(source, phi_path, tmp_path_factory):
    """Config, folder and result of a run of 60 steps with φ."""
    workdir = tmp_path_factory.mktemp("target") / "run"
    config = smoke.target_config(
        source,
        phi=phi_path,
        steps=60,
        batch_size=16,
        log_every=20,
        checkpoint_every=40,
        learning_rate=0.01,
        samples=4,
        data__validation_fraction=0.25,
        deterministic__mixtures=16,
    )
    return config, workdir, target_training.train_target(config, workdir)


def shown_while_training(events):
    """Returns the tags but those of the HPARAMS page."""
    return {
        tag
        for tag in events.Tags()["tensors"]
        if not tag.startswith(("_hparams_/", "result/", "validation/"))
    }


class TrainTargetTest:
    def test_learns(self, finished):
        config, workdir, result = finished
        history = run_folder.RunFolder(workdir, config.to_dict()).history()
        assert [window["step"] for window in history] == [20, 40, 60]
        assert history[-1]["loss"] < 0.85 * history[0]["loss"]
        assert result["accuracy"] >= 75.0  # of four classes
        assert result["validation"]["accuracy"] >= 75.0
        assert result == smoke.read_json(workdir / "result.json")
        assert (result["method"], result["steps"]) == ("meta_perturb", 60)

    def test_model_holds_phi_frozen_and_at_full_noise(self, finished, phi_path):
        _, workdir, _ = finished
        model = keras.saving.load_model(workdir / "model.keras")
        positions = positions_of(model)
        assert len(positions) == 4
        expected = mp_keras.load_perturbation(phi_path).values()
        for position in positions:
            for name, array in position.perturbation.values().items():
                np.testing.assert_array_equal(array, expected[name])
            assert float(position.noise_coefficient) == 1.0
            assert np.any(position.moving_mean != 0)

    def test_model_and_saved_model_give_the_metrics(self, finished, source):
        config, workdir, result = finished
        model = keras.saving.load_model(workdir / "model.keras")
        data, validation = target_data.load_data(config)
        metrics = target_training.evaluate(
            model, data.test_images, data.test_labels, config.samples
        )
        for name, value in metrics.items():
            assert result[name] == pytest.approx(value, rel=1e-4)
        metrics = target_training.evaluate(model, *validation, config.samples)
        for name, value in metrics.items():
            assert result["validation"][name] == pytest.approx(value, rel=1e-4)
        classifier = tf.saved_model.load(str(workdir / "saved_model"))
        served = classifier.serve(data.test_images)["probabilities"]
        expected = mp_keras.monte_carlo_predict(
            model, np.asarray(mp_keras.normalize(data.test_images)), 4
        )
        np.testing.assert_allclose(served, expected, rtol=1e-3, atol=1e-5)

    def test_both_forms_have_temperatures_of_their_own(self, finished):
        config, workdir, result = finished
        single = keras.saving.load_model(workdir / "deterministic.keras")
        assert monte_carlo.noisy_layers(single) == []
        model = keras.saving.load_model(workdir / "model.keras")
        found = result["deterministic"]
        for each, numbers in ((model, result), (single, found)):
            value = temperature.temperature_of(each)
            assert numbers["temperature"] == value
        data, _ = target_data.load_data(config)
        metrics = target_training.evaluate(
            single, data.test_images, data.test_labels, 1
        )
        for name, value in metrics.items():
            assert found[name] == pytest.approx(value, rel=1e-4)
        before = found["against_samples"]["before_temperature"]
        assert before["kl_divergence"] >= 0
        gain = found["against_samples"]["accuracy_gain"]
        assert gain["mean"] == pytest.approx(
            found["accuracy"] - result["accuracy"]
        )

    def test_predictions_are_kept_image_by_image(self, finished):
        _, workdir, result = finished
        with np.load(workdir / "predictions.npz") as stored:
            logs = stored["monte_carlo_test"]
            labels = stored["test_labels"]
            assert len(stored["deterministic_validation"]) == 12
        hits = np.argmax(logs, axis=1) == labels
        assert 100 * np.mean(hits) == pytest.approx(result["accuracy"])

    def test_class_names_are_kept_in_the_labels_order(self, finished):
        _, workdir, result = finished
        assert result["class_names"] == list(squares.NAMES)
        names = class_name_file.read_names(workdir / "saved_model")
        assert names == squares.NAMES

    def test_tensorboard_shows_every_tag(self, finished):
        _, workdir, _ = finished
        events = smoke.read_events(workdir)
        windows = ["train/loss", "train/accuracy", "time/step_ms"]
        positions = [f"meta_perturb_{index}" for index in range(4)]
        at_checkpoints = ["perturb/noise_coefficient"]
        for name in positions:
            for quantity in ("scale_mean", "noise_mean", "scale", "noise"):
                at_checkpoints.append(f"perturb/{name}/{quantity}")
        at_checkpoints += [f"feature_map/{positions[i]}" for i in (0, 2, 3)]
        shown = shown_while_training(events)
        assert shown == {*windows, *at_checkpoints}
        for tag in windows:
            assert [e.step for e in events.Tensors(tag)] == [20, 40, 60], tag
        for tag in at_checkpoints:
            assert [e.step for e in events.Tensors(tag)] == [40, 60], tag

    def test_result_is_on_the_hparams_page(self, finished):
        _, workdir, result = finished
        events = smoke.read_events(workdir)
        assert "_hparams_/session_start_info" in events.Tags()["tensors"]
        (event,) = events.Tensors("result/accuracy")
        value = float(tf.make_ndarray(event.tensor_proto))
        assert value == pytest.approx(result["accuracy"])

    def test_finished_run_returns_at_once(self, finished, monkeypatch):
        config, workdir, result = finished
        monkeypatch.setattr(target_data, "load_data", lambda *a: 1 / 0)
        assert target_training.train_target(config, workdir) == result

    def test_older_result_has_no_class_names(self, source, tmp_path):
        config = smoke.target_config(source)
        folder = run_folder.RunFolder(tmp_path, config.to_dict())
        folder.start()
        folder.finish({"accuracy": 50.0})
        result = target_training.train_target(config, tmp_path)
        assert result == {"accuracy": 50.0}

    def test_another_config_in_its_folder_is_refused(self, finished):
        config, workdir, _ = finished
        changed = config.copy_and_resolve_references()
        changed.data.augment = False
        message = "data.augment=True(.|\n)*Received: data.augment=False"
        with pytest.raises(ValueError, match=message):
            target_training.train_target(changed, workdir)

    def test_base_network_has_no_phi(self, source, tmp_path):
        config = smoke.target_config(source, method="base", phi="there is none")
        result = target_training.train_target(config, tmp_path)
        assert result["method"] == "base"
        model = keras.saving.load_model(tmp_path / "model.keras")
        assert positions_of(model) == []
        shown = shown_while_training(smoke.read_events(tmp_path))
        assert shown == {"train/loss", "train/accuracy", "time/step_ms"}


class MakeModelTest:
    def test_rate_drops_at_its_parts_of_all_steps(self, source):
        config = smoke.target_config(source, method="base", steps=1000)
        optimizer = target_training.make_model(config, 4).trained.optimizer
        rates = []
        for step in (0, 400, 401, 700, 701, 900, 901):
            optimizer.iterations.assign(step)
            rates.append(float(optimizer.learning_rate))
        powers = [0, 0, 1, 1, 2, 2, 3]
        expected = [1e-3 * 0.3**power for power in powers]
        np.testing.assert_allclose(rates, expected, rtol=1e-5)
        assert optimizer.l2 == 5e-4

    def test_no_drops_keep_the_rate(self, source):
        config = smoke.target_config(
            source, method="base", learning_rate_drops=(), learning_rate=0.2
        )
        optimizer = target_training.make_model(config, 4).trained.optimizer
        optimizer.iterations.assign(10**6)
        assert float(optimizer.learning_rate) == pytest.approx(0.2)


class LoadDataTest:
    def test_validation_is_part_of_the_images_of_each_class(self, source):
        config = smoke.target_config(
            source, data__validation_fraction=0.2, data__examples_per_class=5
        )
        data, (images, labels) = target_data.load_data(config)
        np.testing.assert_array_equal(np.bincount(labels), [1] * 4)
        np.testing.assert_array_equal(np.bincount(data.train_labels), [4] * 4)
        assert len(data.test_labels) == 20
        rows = [image.tobytes() for image in data.train_images]
        held = [image.tobytes() for image in images]
        assert not set(rows) & set(held)
        config.data.validation_fraction = 0.0
        whole, _ = target_data.load_data(config)
        assert {image.tobytes() for image in whole.train_images} == {
            *rows,
            *held,
        }

    def test_without_a_fraction_there_is_none(self, source):
        data, validation = target_data.load_data(smoke.target_config(source))
        assert validation is None
        assert len(data.train_labels) == 48


class FailureTest:
    def test_bad_loss_keeps_the_last_good_checkpoint(
        self, source, phi_path, tmp_path
    ):
        """The learning rate explodes after step 5."""
        config = smoke.target_config(
            source,
            phi=phi_path,
            steps=10,
            checkpoint_every=4,
            learning_rate_drops=(0.4,),
            learning_rate_factor=1e33,
        )
        with pytest.raises(FloatingPointError, match="must be finite.*ckpt-4"):
            target_training.train_target(config, tmp_path)
        assert smoke.history_steps(tmp_path) == [2, 4, 6]
        left = {file.name for file in tmp_path.iterdir()}
        assert left == {
            "checkpoints",
            "config.json",
            "data.json",
            "history.jsonl",
            "lock",
            "seconds.json",
            "stops.json",
            "tensorboard",
        }
        method = methods.make_method(config, 4)
        phases = training_phases.make(config, method)
        phases[-1].begin(method.trained)
        checkpoints = checkpointing.Checkpoints(
            tmp_path / "checkpoints", training_phases.state_of(method, phases)
        )
        assert checkpoints.restore() == 4
        for weights in method.trained.get_weights():
            assert np.all(np.isfinite(weights))
        config.learning_rate_factor = 0.3
        result = target_training.train_target(config, tmp_path)
        assert np.isfinite(result["negative_log_likelihood"])
        assert smoke.history_steps(tmp_path) == [2, 4, 6, 8, 10]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"batch_size": 49}, "at most 48(.|\n)*batch_size=49"),
            ({"method": "dropout"}, r"one of \('base', 'meta_perturb',"),
            ({"network": "conv5"}, "Did you mean 'conv6'"),
            ({"data__validation_fraction": 1.5}, "fraction"),
            ({"data__source": "lmdb:x"}, "tfds:NAME, folder:PATH, zip:FILE"),
        ],
    )
    def test_wrong_config_can_be_corrected_in_its_folder(
        self, source, phi_path, tmp_path, changes, message
    ):
        changes = {"phi": phi_path, **changes}
        config = smoke.target_config(source, **changes)
        with pytest.raises(ValueError, match=message):
            target_training.train_target(config, tmp_path)
        run_folder.RunFolder(tmp_path, {"another": "config"})

    def test_missing_phi_is_named(self, source, tmp_path):
        config = smoke.target_config(source, phi="no/such/phi")
        with pytest.raises(FileNotFoundError, match="no/such/phi"):
            target_training.train_target(config, tmp_path)

    def test_class_name_of_two_lines_is_refused_at_once(self, tmp_path):
        names = np.array([*squares.NAMES[:3], "light\nyellow"])
        source = squares.write_npz(tmp_path / "two.npz", class_names=names)
        config = smoke.target_config(source, method="base")
        with pytest.raises(ValueError, match=r"'light\\nyellow'.*class 3"):
            target_training.train_target(config, tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_unwritten_class_is_named(self, tmp_path):
        images, labels = squares.make_part(5)
        source = squares.write_npz(
            tmp_path / "three.npz",
            train_images=images[:15],
            train_labels=labels[:15],
        )
        config = smoke.target_config(source, method="base")
        with pytest.raises(ValueError, match="test only: .'yellow'"):
            target_training.train_target(config, tmp_path / "run")
