"""What the library offers on each backend, and says where TensorFlow is."""

import importlib
import importlib.util
import os
import subprocess
import sys

import keras
import pytest

import mp_keras
from mp_keras import baselines

BACKEND = keras.backend.backend()
NAMES = {
    mp_keras: [
        "MetaTrainer",
        "TaskRestarts",
        "adversarial_images",
        "robust_accuracy",
        "save_classifier",
    ],
    baselines: ["AdversarialTraining", "adversarial_model"],
}
on_another_backend = pytest.mark.skipif(
    BACKEND == "tensorflow", reason="Keras runs on TensorFlow"
)


def run_python(code, backend=BACKEND):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )


class PublicNamesTest:
    @pytest.mark.parametrize("package", NAMES, ids=lambda p: p.__name__)
    def test_all_names_are_there(self, package):
        for name in package.__all__:
            assert getattr(package, name) is not None
            assert name in dir(package)
        assert sorted(package.__all__) == package.__all__
        missing = set(NAMES[package]) - set(package.__all__)
        assert missing == (
            set() if BACKEND == "tensorflow" else set(NAMES[package])
        )

    @pytest.mark.parametrize("package", NAMES, ids=lambda p: p.__name__)
    def test_unknown_name_is_an_attribute_error(self, package):
        with pytest.raises(AttributeError, match="no attribute 'MetaTrainr'"):
            package.MetaTrainr

    @on_another_backend
    @pytest.mark.parametrize(
        ("package", "name"), [(p, name) for p in NAMES for name in NAMES[p]]
    )
    def test_what_needs_tensorflow_says_so(self, package, name):
        expected = f"{package.__name__}.{name} needs Keras on TensorFlow"
        with pytest.raises(ImportError, match=f"{expected}.*'{BACKEND}'"):
            getattr(package, name)

    @on_another_backend
    def test_saving_phi_says_so(self, tmp_path):
        with pytest.raises(ImportError, match="save_perturbation needs Keras"):
            mp_keras.save_perturbation(
                mp_keras.load_perturbation(), tmp_path / "phi"
            )
        assert not list(tmp_path.iterdir())


class ImportTest:
    @on_another_backend
    def test_tensorflow_is_not_imported(self):
        code = "from mp_keras import *; import sys; networks.Conv4(2); "
        code += "assert 'tensorflow' not in sys.modules"
        result = run_python(code)
        assert result.returncode == 0, result.stderr

    def test_missing_backend_is_named(self):
        absent = [
            name
            for name in ("tensorflow", "jax", "torch")
            if importlib.util.find_spec(name) is None
        ]
        if not absent:
            pytest.skip("all backends are installed")
        result = run_python("import mp_keras", absent[0])
        assert result.returncode == 1
        assert "mp_keras needs Keras and one of its backends" in result.stderr
        assert f"an environment without {absent[0]}" in result.stderr
