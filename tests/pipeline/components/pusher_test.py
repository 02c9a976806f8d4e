"""Pusher: the best one goes out, whole; what is broken is refused."""

import json
import math
import re
import shutil

import pytest
import tensorflow as tf

from pipeline import evaluation
from pipeline.components import pusher
from tests.pipeline import smoke


class Constant(tf.Module):
    """A classifier of 8 x 8 images that always answers the same."""

    def __init__(self, *probabilities):
        super().__init__()
        self.probabilities = tf.constant([probabilities])

    @tf.function(
        input_signature=[tf.TensorSpec((None, 8, 8, 3), tf.uint8, "images")]
    )
    def serve(self, images):
        answer = tf.repeat(self.probabilities, tf.shape(images)[0], axis=0)
        return {"probabilities": answer}

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 8, 8, 3), tf.uint8, "images"),
            tf.TensorSpec((), tf.int32, "samples"),
            tf.TensorSpec((), tf.int32, "seed"),
        ]
    )
    def predict(self, images, samples, seed):
        return self.serve(images)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders of runs by what their classifier is like."""
    root = tmp_path_factory.mktemp("runs")
    for name, probabilities in (
        ("good", (0.25, 0.75)),
        ("better", (0.5, 0.5)),
        ("unnormalized", (0.7, 0.7)),
        ("not_a_number", (math.nan, 0.5)),
    ):
        model = Constant(*probabilities)
        tf.saved_model.save(
            model, str(root / name / "saved_model"), signatures=model.serve
        )
    shutil.copytree(root / "good", root / "damaged")
    (root / "damaged" / "saved_model" / "saved_model.pb").write_bytes(b"x")
    return root


@pytest.fixture
def write(folders, tmp_path):
    """Writes an `evaluation.json` of runs (name, loss); returns its path."""

    def write(*runs, part="validation", **changes):
        stored = []
        for name, loss in runs:
            numbers = {
                "accuracy": 50.0,
                "negative_log_likelihood": loss,
                "expected_calibration_error": 1.0,
            }
            numbers.update(changes)
            stored.append({"folder": str(folders / name), part: numbers})
        file = tmp_path / "evaluation.json"
        file.write_text(json.dumps({"runs": stored}))
        return file

    return write


def served(path):
    """Returns the answer of a pushed version to one image."""
    classifier = evaluation.load_classifier(path)
    answer = classifier.serve(tf.zeros((1, 8, 8, 3), tf.uint8))
    return answer["probabilities"].numpy()[0].tolist()


class PushTest:
    def test_lowest_validation_loss_wins(self, write, tmp_path):
        file = write(("good", 1.5), ("better", 0.5), ("good", 0.7))
        result = pusher.push(file, tmp_path / "serving")
        assert result == {
            "pushed": str(tmp_path / "serving" / "1"),
            "refused": [],
        }
        assert served(tmp_path / "serving" / "1") == [0.5, 0.5]
        run = smoke.read_json(tmp_path / "serving" / "1" / "pushed_run.json")
        assert run["validation"]["negative_log_likelihood"] == 0.5

    def test_test_figures_do_not_choose(self, write, folders, tmp_path):
        file = write(("good", 1.0), ("better", 2.0))
        stored = smoke.read_json(file)
        for run, loss in zip(stored["runs"], (9.0, 0.1)):
            run["test"] = {"negative_log_likelihood": loss, "accuracy": 100}
        file.write_text(json.dumps(stored))
        pusher.push(file, tmp_path / "serving")
        assert served(tmp_path / "serving" / "1") == [0.25, 0.75]

    def test_without_validation_the_test_part_decides(self, write, tmp_path):
        file = write(("good", 1.0), ("better", 0.5), part="test")
        pusher.push(file, tmp_path / "serving")
        assert served(tmp_path / "serving" / "1") == [0.5, 0.5]

    def test_versions_are_counted(self, write, tmp_path):
        serving = tmp_path / "serving"
        pusher.push(write(("good", 1.0)), serving)
        pusher.push(write(("better", 1.0)), serving)
        assert served(serving / "1") == [0.25, 0.75]
        assert served(serving / "2") == [0.5, 0.5]
        (serving / "10").mkdir()
        (serving / "notes").mkdir()
        result = pusher.push(write(("good", 1.0)), serving)
        assert result["pushed"] == str(serving / "11")

    def test_classifier_of_the_pipeline(self, evaluated, tmp_path):
        """With real figures and a real SavedModel."""
        result = pusher.push(evaluated / "evaluation.json", tmp_path)
        assert result["refused"] == []
        classifier = evaluation.load_classifier(tmp_path / "1")
        answer = classifier.serve(tf.zeros((2, 16, 16, 3), tf.uint8))
        assert answer["probabilities"].shape == (2, 4)


class RefuseTest:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("none", "does not load: (.|\n)*no such folder"),
            ("damaged", "does not load: (.|\n)*whole SavedModel"),
            ("unnormalized", r"probabilities sum to 1\.[34]"),
            ("not_a_number", "probabilities sum to nan"),
        ],
    )
    def test_bad_classifier_although_its_loss_is_lowest(
        self, write, folders, tmp_path, name, reason
    ):
        file = write((name, 0.1), ("good", 3.0))
        result = pusher.push(file, tmp_path / "serving")
        assert served(tmp_path / "serving" / "1") == [0.25, 0.75]
        (refused,) = result["refused"]
        assert refused["folder"] == str(folders / name)
        assert re.search(reason, refused["reason"])
        stored = smoke.read_json(tmp_path / "serving" / "refused.json")
        assert stored == [refused]

    @pytest.mark.parametrize(
        "value", [math.nan, math.inf, None, "0.5"], ids=str
    )
    def test_bad_figure(self, write, tmp_path, value):
        file = write(("good", 0.1), accuracy=value)
        result = pusher.push(file, tmp_path / "serving")
        (refused,) = result["refused"]
        assert "validation figure accuracy must be finite" in refused["reason"]
        assert repr(value) in refused["reason"]
        assert result["pushed"] is None

    def test_missing_figure(self, write, tmp_path):
        file = write(("good", 0.1), ("better", 1.0))
        stored = smoke.read_json(file)
        del stored["runs"][0]["validation"]["expected_calibration_error"]
        file.write_text(json.dumps(stored))
        result = pusher.push(file, tmp_path / "serving")
        (refused,) = result["refused"]
        assert "expected_calibration_error must be" in refused["reason"]
        assert served(result["pushed"]) == [0.5, 0.5]

    def test_nothing_is_pushed_where_all_are_refused(self, write, tmp_path):
        serving = tmp_path / "serving"
        result = pusher.push(write(("none", 0.1), ("damaged", 0.2)), serving)
        assert result["pushed"] is None
        assert [path.name for path in serving.iterdir()] == ["refused.json"]
        assert len(smoke.read_json(serving / "refused.json")) == 2

    def test_no_run_at_all(self, write, tmp_path):
        result = pusher.push(write(), tmp_path / "serving")
        assert result == {"pushed": None, "refused": []}


class InterruptedTest:
    def test_half_copied_version_does_not_stay(
        self, write, tmp_path, monkeypatch
    ):
        serving = tmp_path / "serving"
        pusher.push(write(("good", 1.0)), serving)

        def copy_half(origin, target, **options):
            shutil.copy(origin / "saved_model.pb", target)
            raise OSError("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "copytree", copy_half)
            with pytest.raises(OSError, match="disk full"):
                pusher.push(write(("better", 1.0)), serving)
        names = sorted(path.name for path in serving.iterdir())
        assert names == ["1", "refused.json"]
        assert served(serving / "1") == [0.25, 0.75]
        result = pusher.push(write(("better", 1.0)), serving)
        assert result["pushed"] == str(serving / "2")
