"""The exported classifier, evaluated as a client would."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras.export import class_name_file
from mp_keras.networks import Conv4
from pipeline.trainings import classifier_evaluation
from tests import small_networks
from tests import squares
from tests.pipeline import smoke


@pytest.fixture(scope="module")
def run(source, tmp_path_factory):
    """A folder as `train_target` leaves it: a classifier and its config."""
    workdir = tmp_path_factory.mktemp("target")
    config = smoke.target_config(source, samples=3)
    (workdir / "config.json").write_text(config.to_json())
    model = Conv4(4, (16, 16, 3), small_networks.random_phi(), channels=4)
    mp_keras.save_classifier(model, workdir / "saved_model")
    return workdir, model


@pytest.fixture
def evaluate_named(run, tmp_path):
    """Evaluates a run whose classes have names, on data of such names."""
    workdir = tmp_path / "run"
    shutil.copytree(run[0], workdir)

    def evaluate(run_names, data_names):
        if run_names is not None:
            class_name_file.write_names(workdir / "saved_model", run_names)
        other = squares.write_npz(
            tmp_path / "other.npz", class_names=np.array(data_names)
        )
        config = smoke.target_config(other, samples=1)
        return classifier_evaluation.evaluate_run(workdir, config)

    return evaluate


class EvaluateRunTest:
    def test_metrics_are_those_of_the_model(self, run, source):
        workdir, model = run
        images, labels = squares.make_part(5, seed=1)
        expected = mp_keras.classification_metrics(
            mp_keras.monte_carlo_predict(
                model, np.asarray(mp_keras.normalize(images)), 3
            ),
            labels,
        )
        result = classifier_evaluation.evaluate_run(workdir)
        assert result == smoke.read_json(workdir / "evaluation.json")
        for name, value in expected.items():
            assert result.pop(name) == pytest.approx(value, rel=1e-4)
        # As many images of each class.
        balanced = result.pop("balanced_accuracy")
        assert balanced == pytest.approx(expected["accuracy"])
        assert 0 <= result.pop("macro_f1") <= 100
        assert "20 test images, 16×16 px" in (
            workdir / "evaluation.html"
        ).read_text(encoding="utf-8")
        assert result == {"data": source, "samples": 3, "examples": 20}

    def test_another_config_brings_other_data(self, run, tmp_path):
        workdir, _ = run
        other = squares.write_npz(tmp_path / "other.npz", test_per_class=2)
        result = classifier_evaluation.evaluate_run(
            workdir, smoke.target_config(other, samples=1)
        )
        assert (result["data"], result["samples"]) == (other, 1)
        assert result["examples"] == 8

    def test_images_of_another_size_raise(self, run, source):
        workdir, _ = run
        config = smoke.target_config(source, image_size=20)
        with pytest.raises(ValueError, match="must be 16, .*image_size=20"):
            classifier_evaluation.evaluate_run(workdir, config)

    def test_classes_that_the_classifier_lacks_raise(self, run, tmp_path):
        workdir, _ = run
        names = np.array([*squares.NAMES, "white"])
        images, labels = squares.make_part(12)
        labels[:5] = 4
        other = squares.write_npz(
            tmp_path / "five.npz",
            class_names=names,
            train_labels=labels,
            test_images=images,
            test_labels=labels,
        )
        with pytest.raises(ValueError, match=r"`labels`(.|\n)*in \[0, 4\)"):
            classifier_evaluation.evaluate_run(
                workdir, smoke.target_config(other)
            )

    @pytest.mark.parametrize(
        ("run_names", "data_names"),
        [
            (None, ("bird", "fish", "cat", "dog")),
            (("bird", "fish", "cat", "dog"), ("bird", "fish", "cat", "dog")),
            (("bird", "fish", "cat", "dog"), ("0", "1", "2", "3")),
            (("0", "1", "2", "3"), ("bird", "fish", "cat", "dog")),
            (("0", "1", "2", "3"), ("0", "1", "2", "3")),
        ],
    )
    def test_classes_that_agree(self, evaluate_named, run_names, data_names):
        assert evaluate_named(run_names, data_names)["examples"] == 20

    @pytest.mark.parametrize(
        ("run_names", "data_names", "message"),
        [
            (
                ("a", "b", "c", "d"),
                ("a", "e", "f", "d"),
                "4 classes, number 1 is 'b'. .*4 classes, number 1 is 'e'$",
            ),
            (
                ("a", "b", "c", "d"),
                ("a", "b", "d", "c"),
                "number 2 is 'c'. .*number 2 is 'd'$",
            ),
            (
                ("a", "b", "c", "d", "e"),
                ("a", "b", "c", "d"),
                "5 classes, number 4 is 'e'. .*4 classes, number 4 is none$",
            ),
            (
                ("a", "b", "c"),
                ("0", "1", "2", "3"),
                "3 classes, number 0 is 'a'. .*4 classes, number 0 is '0'$",
            ),
            (
                ("0", "1", "2", "3"),
                ("0", "1", "3", "2"),
                "number 2 is '2'. .*number 2 is '3'$",
            ),
        ],
        ids=["others", "order", "fewer", "more", "numbers"],
    )
    def test_first_class_that_differs_is_named(
        self, evaluate_named, run_names, data_names, message
    ):
        with pytest.raises(ValueError, match=f"`data.source`(.|\n)*{message}"):
            evaluate_named(run_names, data_names)

    def test_folder_without_a_run(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="without config.json"):
            classifier_evaluation.evaluate_run(tmp_path)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[]", "config.json must hold a JSON object"),
            ('{"ways": 2}', "workdir of a target training.*another kind"),
            (
                '{"method": "base", "samples": "3"}',
                "config.json.*`samples` must be an integer",
            ),
        ],
    )
    def test_damaged_config(self, tmp_path, text, message):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            classifier_evaluation.evaluate_run(tmp_path)


class LoadClassifierTest:
    def test_missing_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="none must be the Saved"):
            classifier_evaluation.load_classifier(tmp_path / "none")

    def test_another_saved_model(self, tmp_path):
        tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
        with pytest.raises(ValueError, match="`serve` and `predict`"):
            classifier_evaluation.load_classifier(tmp_path / "other")


class PredictTest:
    def test_batches_and_their_seeds(self):
        calls = []

        class Recorder:
            def predict(self, images, samples, seed):
                calls.append((len(images), int(samples), int(seed)))
                return {"probabilities": images[:, 0, 0, :2]}

        images = np.arange(600, dtype="uint8").repeat(12).reshape(600, 2, 2, 3)
        outputs = classifier_evaluation.predict(
            Recorder(), images, samples=9, seed=5
        )
        assert calls == [(256, 9, 5), (256, 9, 261), (88, 9, 517)]
        np.testing.assert_array_equal(outputs, images[:, 0, 0, :2])
