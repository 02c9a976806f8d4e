"""Pusher: the best one goes out, whole; what is broken is refused."""

import json
import math
import re
import shutil

import pytest
import tensorflow as tf

from mp_keras.export import class_name_file
from pipeline.stages import pusher
from pipeline.storage import artifact_store
from pipeline.trainings import classifier_evaluation
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
        ("plain", (0.75, 0.25)),
        ("unnormalized", (0.7, 0.7)),
        ("not_a_number", (math.nan, 0.5)),
    ):
        model = Constant(*probabilities)
        tf.saved_model.save(
            model, str(root / name / "saved_model"), signatures=model.serve
        )
        class_name_file.write_names(root / name / "saved_model", [name, "b"])
    shutil.copytree(root / "good", root / "damaged")
    (root / "damaged" / "saved_model" / "saved_model.pb").write_bytes(b"x")
    (root / "empty").mkdir()
    return root


class Runs:
    """Runs that were evaluated: what the Evaluator and the trainer left.

    A run's classifier is one of `folders`; "plain" is one of method base.
    """

    def __init__(self, folders, root):
        self._folders = folders
        self._root = root
        self.stored = []
        self.choice = None
        self.classifiers = []

    def add(self, name, loss, part="validation", **changes):
        numbers = {
            "accuracy": 50.0,
            "negative_log_likelihood": loss,
            "expected_calibration_error": 1.0,
            "brier_score": 0.5,
            **changes,
        }
        method = "base" if name == "plain" else "meta_perturb"
        run = {"method": method, "seed": len(self.stored), part: numbers}
        self.stored.append(run)
        folder = self._root / str(len(self.classifiers))
        shutil.copytree(self._folders / name, folder)
        (folder / "result.json").write_text(
            json.dumps({"method": method, "seed": run["seed"]})
        )
        self.classifiers.append(folder)
        return self

    def push(self, destination):
        file = self._root / "evaluation.json"
        evaluation = {"runs": self.stored, "choice": self.choice}
        file.write_text(json.dumps(evaluation))
        return pusher.push(file, self.classifiers, destination)


@pytest.fixture
def make_runs(folders, tmp_path_factory):
    return lambda: Runs(folders, tmp_path_factory.mktemp("evaluated"))


@pytest.fixture
def runs(make_runs):
    """With one plain network that anything is better than."""
    return make_runs().add("plain", 9.0)


def served(path):
    """Returns the answer of a pushed version to one image."""
    classifier = classifier_evaluation.load_classifier(path)
    answer = classifier.serve(tf.zeros((1, 8, 8, 3), tf.uint8))
    return answer["probabilities"].numpy()[0].tolist()


class PushTest:
    def test_lowest_validation_loss_wins(self, runs, tmp_path):
        runs.add("good", 1.5).add("better", 0.5).add("good", 0.7)
        result = runs.push(tmp_path / "serving")
        assert result == {
            "pushed": str(tmp_path / "serving" / "1"),
            "refused": [],
        }
        assert served(tmp_path / "serving" / "1") == [0.5, 0.5]
        names = class_name_file.read_names(tmp_path / "serving" / "1")
        assert names == ("better", "b")
        run = smoke.read_json(tmp_path / "serving" / "1" / "pushed_run.json")
        assert run["validation"]["negative_log_likelihood"] == 0.5

    def test_test_metrics_do_not_choose(self, runs, tmp_path):
        runs.add("good", 1.0).add("better", 2.0)
        for run, loss in zip(runs.stored[1:], (9.0, 0.1)):
            run["test"] = {"negative_log_likelihood": loss, "accuracy": 100}
        runs.push(tmp_path / "serving")
        assert served(tmp_path / "serving" / "1") == [0.25, 0.75]

    def test_without_validation_the_test_part_decides(
        self, make_runs, tmp_path
    ):
        runs = make_runs().add("plain", 2.0, part="test")
        runs.add("good", 1.0, part="test").add("better", 0.5, part="test")
        runs.push(tmp_path / "serving")
        assert served(tmp_path / "serving" / "1") == [0.5, 0.5]

    def test_first_seed_of_the_method_that_the_source_chose(
        self, runs, tmp_path
    ):
        """Whatever its metrics on the target's images are."""
        runs.add("good", 20.0).add("better", 0.1)
        runs.choice = {"method": "meta_perturb"}
        result = runs.push(tmp_path)
        assert served(tmp_path / "1") == [0.25, 0.75]
        (refused,) = result["refused"]
        assert (refused["method"], refused["seed"]) == ("base", 0)
        assert refused["reason"].endswith(
            "chosen on the source is meta_perturb"
        )

    def test_versions_are_counted(self, make_runs, tmp_path):
        serving = tmp_path / "serving"
        for name in ("good", "better"):
            make_runs().add("plain", 2.0).add(name, 1.0).push(serving)
        assert served(serving / "1") == [0.25, 0.75]
        assert served(serving / "2") == [0.5, 0.5]
        (serving / "10").mkdir()
        (serving / "notes").mkdir()
        result = make_runs().add("plain", 1.0).push(serving)
        assert result["pushed"] == str(serving / "11")

    def test_into_a_store(self, make_runs, tmp_path):
        destination = "memory://pusher_test/serving"
        for name in ("good", "better"):
            result = make_runs().add("plain", 2.0).add(name, 1.0)
            result = result.push(destination)
        assert result["pushed"] == f"{destination}/2"
        artifact_store.download(destination, tmp_path)
        assert served(tmp_path / "1") == [0.25, 0.75]
        assert served(tmp_path / "2") == [0.5, 0.5]
        assert smoke.read_json(tmp_path / "refused.json") == []

    def test_classifier_of_the_pipeline(self, evaluated, classifiers, tmp_path):
        """With real metrics and real SavedModels."""
        result = pusher.push(
            evaluated / "squares" / "evaluation.json",
            classifiers.values(),
            tmp_path,
        )
        assert result["pushed"] == str(tmp_path / "1")
        classifier = classifier_evaluation.load_classifier(tmp_path / "1")
        answer = classifier.serve(tf.zeros((2, 16, 16, 3), tf.uint8))
        assert answer["probabilities"].shape == (2, 4)


class BlessTest:
    def test_less_accurate_than_the_one_plain_network(self, runs, tmp_path):
        runs.add("good", 0.1, accuracy=49.9)
        result = runs.push(tmp_path)
        assert served(tmp_path / "1") == [0.75, 0.25]  # the plain network
        (refused,) = result["refused"]
        assert (refused["method"], refused["seed"]) == ("meta_perturb", 1)
        assert refused["reason"] == (
            "its validation accuracy is 49.9 %, worse than the plain "
            "network's 50.0 by more than its 1 seeds differ (0.0)"
        )

    @pytest.mark.parametrize(
        ("accuracy", "blessed"), [(40.2, True), (39.0, False)]
    )
    def test_room_is_the_spread_of_the_plain_seeds(
        self, make_runs, tmp_path, accuracy, blessed
    ):
        """Three seeds: 50 ± 2; t(0.975, 2) = 4.303, so 9.94 of room."""
        runs = make_runs()
        for value in (48.0, 50.0, 52.0):
            runs.add("plain", 2.0, accuracy=value)
        runs.add("good", 1.0, accuracy=accuracy)
        result = runs.push(tmp_path)
        assert (served(tmp_path / "1") == [0.25, 0.75]) == blessed
        assert len(result["refused"]) == (not blessed)

    def test_likelihood_counts_too(self, make_runs, tmp_path):
        runs = make_runs().add("plain", 1.0, accuracy=10.0)
        runs.add("good", 1.1, accuracy=90.0)
        (refused,) = runs.push(tmp_path)["refused"]
        assert "negative log-likelihood is 1.100 nats" in refused["reason"]

    def test_no_plain_network(self, make_runs, tmp_path):
        result = make_runs().add("good", 1.0).push(tmp_path)
        assert result["pushed"] is None
        (refused,) = result["refused"]
        assert "there is no plain network" in refused["reason"]
        assert smoke.read_json(tmp_path / "refused.json") == [refused]

    def test_plain_network_that_does_not_load_is_no_measure(
        self, make_runs, tmp_path
    ):
        runs = make_runs().add("plain", 1.0).add("good", 2.0)
        shutil.rmtree(runs.classifiers[0] / "saved_model")
        result = runs.push(tmp_path)
        assert result["pushed"] is None
        assert len(result["refused"]) == 2


class RefuseTest:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("empty", "does not load: (.|\n)*no such folder"),
            ("damaged", "does not load: (.|\n)*whole SavedModel"),
            ("unnormalized", r"probabilities sum to 1\.[34]"),
            ("not_a_number", "probabilities sum to nan"),
        ],
    )
    def test_bad_classifier_although_its_loss_is_lowest(
        self, runs, tmp_path, name, reason
    ):
        runs.add(name, 0.1).add("good", 3.0)
        result = runs.push(tmp_path / "serving")
        assert served(tmp_path / "serving" / "1") == [0.25, 0.75]
        (refused,) = result["refused"]
        assert (refused["method"], refused["seed"]) == ("meta_perturb", 1)
        assert re.search(reason, refused["reason"])
        stored = smoke.read_json(tmp_path / "serving" / "refused.json")
        assert stored == [refused]

    @pytest.mark.parametrize(
        "value", [math.nan, math.inf, None, "0.5"], ids=str
    )
    def test_bad_figure(self, make_runs, tmp_path, value):
        result = make_runs().add("plain", 0.1, accuracy=value).push(tmp_path)
        (refused,) = result["refused"]
        assert "validation metric accuracy must be finite" in refused["reason"]
        assert repr(value) in refused["reason"]
        assert result["pushed"] is None

    def test_missing_figure(self, runs, tmp_path):
        runs.add("good", 0.1).add("better", 1.0)
        del runs.stored[1]["validation"]["expected_calibration_error"]
        result = runs.push(tmp_path / "serving")
        (refused,) = result["refused"]
        assert "expected_calibration_error must be" in refused["reason"]
        assert served(result["pushed"]) == [0.5, 0.5]

    def test_missing_classifier(self, runs, tmp_path):
        runs.add("good", 0.1)
        runs.classifiers.pop()
        (refused,) = runs.push(tmp_path)["refused"]
        assert "no classifier of this method and seed" in refused["reason"]

    def test_nothing_to_push(self, make_runs, tmp_path):
        serving = tmp_path / "serving"
        result = make_runs().add("empty", 0.1).add("damaged", 0.2).push(serving)
        assert result["pushed"] is None
        assert [path.name for path in serving.iterdir()] == ["refused.json"]
        assert len(smoke.read_json(serving / "refused.json")) == 2
        result = make_runs().push(tmp_path / "serving")
        assert result == {"pushed": None, "refused": []}


class InterruptedTest:
    @pytest.mark.parametrize("store", [False, True])
    def test_version_that_a_killed_process_pushed_is_taken(
        self, make_runs, tmp_path, store
    ):
        serving = "memory://killed/serving" if store else tmp_path / "serving"
        runs = make_runs().add("plain", 2.0).add("good", 1.0)
        first = runs.push(serving)
        assert runs.push(serving) == first
        assert first["pushed"] == f"{serving}/1"

    def test_version_that_was_half_uploaded_is_not(self, make_runs, tmp_path):
        runs = make_runs().add("plain", 2.0).add("good", 1.0)
        runs.push(tmp_path)
        (tmp_path / "1" / "saved_model.pb").unlink()
        assert runs.push(tmp_path)["pushed"] == str(tmp_path / "2")

    def test_half_copied_version_does_not_stay(
        self, make_runs, tmp_path, monkeypatch
    ):
        serving = tmp_path / "serving"
        make_runs().add("plain", 2.0).add("good", 1.0).push(serving)
        better = make_runs().add("plain", 2.0).add("better", 1.0)

        def copy_half(origin, target, **options):
            shutil.copy(origin / "saved_model.pb", target)
            raise OSError("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(shutil, "copytree", copy_half)
            with pytest.raises(OSError, match="disk full"):
                better.push(serving)
        names = sorted(path.name for path in serving.iterdir())
        assert names == ["1", "refused.json"]
        assert served(serving / "1") == [0.25, 0.75]
        result = better.push(serving)
        assert result["pushed"] == str(serving / "2")
