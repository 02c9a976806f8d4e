"""Models saved before the folders were regrouped predict what they did.

`files/` holds what was saved, and in `answers.npz` inputs with their outputs.
The `.keras` files are packed again, more tightly, their contents unchanged.
"""

import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow as tf

import mp_keras

FILES = pathlib.Path(__file__).parent / "files"
NETWORKS = sorted(file.stem for file in FILES.glob("*.keras"))

# Runs in a process of its own: folder of files in, answers out.
_CLIENT = """
import pathlib
import sys
import keras
import numpy as np
import mp_keras

folder = pathlib.Path(sys.argv[1])
images = np.load(folder / "answers.npz")["images"]
answers = {}
for file in sorted(folder.glob("*.keras")):
    model = keras.models.load_model(file)
    answers[file.stem] = mp_keras.monte_carlo_predict(model, images, samples=3)
    network = getattr(model, "network", model)  # out of its wrapper
    answers[file.stem + "_deterministic"] = mp_keras.deterministic(network)(
        images
    )
np.savez(sys.argv[2], **answers)
assert "pipeline" not in sys.modules
"""


@pytest.fixture(scope="module")
def answers():
    """What the models were given, and answered."""
    with np.load(FILES / "answers.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def client_answers(tmp_path_factory):
    """Answers of a new process that has imported `mp_keras` alone."""
    path = tmp_path_factory.mktemp("client") / "answers.npz"
    subprocess.run(
        [sys.executable, "-c", _CLIENT, str(FILES), str(path)], check=True
    )
    with np.load(path) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory):
    """The folder of the unpacked SavedModels."""
    folder = tmp_path_factory.mktemp("saved_models")
    with zipfile.ZipFile(FILES / "saved_models.zip") as archive:
        archive.extractall(folder)
    return folder


def assert_same(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


class KerasFileTest:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_predicts_the_same(self, client_answers, answers, name):
        for key in (name, f"{name}_deterministic"):
            assert_same(client_answers[key], answers[key])


class SavedModelTest:
    def test_phi_perturbs_the_same(self, saved_models, answers):
        phi = tf.saved_model.load(str(saved_models / "phi"))
        assert_same(phi.serve(answers["features"]), answers["phi"])

    def test_phi_has_the_same_numbers(self, saved_models, answers):
        phi = mp_keras.load_perturbation(saved_models / "phi")
        for name, values in phi.values().items():
            np.testing.assert_array_equal(values, answers[f"phi/{name}"])

    def test_classifier_answers_the_same(self, saved_models, answers):
        classifier = tf.saved_model.load(str(saved_models / "classifier"))
        pixels = answers["pixels"]
        served = classifier.serve(pixels)["probabilities"]
        assert_same(served, answers["classifier"])
        scalars = tf.constant(3), tf.constant(1)
        predicted = classifier.predict(pixels, *scalars)["probabilities"]
        assert_same(predicted, answers["classifier_predict"])

    def test_few_shot_learner_answers_the_same(self, saved_models, answers):
        learner = tf.saved_model.load(str(saved_models / "few_shot"))
        labels = np.arange(3, dtype="int32")
        task = (answers["support"], labels, answers["query"])
        assert_same(learner.adapt(*task)["probabilities"], answers["few_shot"])
