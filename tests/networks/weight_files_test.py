"""Weights of keras.applications from files, good and bad ones."""

import functools

import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils

import mp_keras
from mp_keras.networks import applications
from mp_keras.networks import weight_files
from tests import tiny_application

pytestmark = pytest.mark.tensorflow_only
SHAPE = (32, 32, 3)
DEVIATIONS = np.array(weight_files._DEVIATIONS, "float32")


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    tiny_application.replace(monkeypatch)


def original(top=False, **changes):
    return tiny_application.tiny(top, input_shape=SHAPE, **changes)


def load(file):
    return applications.Application(
        tiny_application.NAME, 5, SHAPE, weights=file
    )


def write_legacy(model, file):
    """Writes weights as the files of keras.applications hold them."""
    with legacy_h5_format.h5py.File(file, "w") as opened:
        legacy_h5_format.save_weights_to_hdf5_group(opened, model)


class LoadTest:
    @pytest.mark.parametrize("top", [False, True])
    @pytest.mark.parametrize(
        ("name", "write"),
        [
            ("a.weights.h5", lambda model, file: model.save_weights(file)),
            ("a.keras", lambda model, file: model.save(file)),
            ("whole.h5", lambda model, file: model.save(file)),
            ("a.h5", write_legacy),
        ],
    )
    def test_every_form_of_file(self, tmp_path, top, name, write):
        model = original(top)
        write(model, tmp_path / name)
        found = load(tmp_path / name)
        kernels = [w for w in found.weights if "classifier" not in w.path]
        assert len(kernels) == len(original().weights)
        for actual, expected in zip(kernels, model.weights):
            np.testing.assert_array_equal(actual, expected, actual.path)

    @pytest.mark.parametrize("name", ["a.weights.h5", "a.h5", "a.keras"])
    def test_truncated_file_is_named(self, tmp_path, name, monkeypatch):
        monkeypatch.setattr(applications, "NAMES", ("MobileNetV3Small",))
        whole = tmp_path / f"whole.{name}"
        if name == "a.keras":
            original().save(whole)
        elif name == "a.h5":
            write_legacy(original(), whole)
        else:
            original().save_weights(whole)
        content = whole.read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        message = f"{name} must hold the weights of MobileNetV3Small"
        with pytest.raises(ValueError, match=message):
            load(tmp_path / name)

    def test_file_of_another_network_is_named(self, tmp_path, monkeypatch):
        """Of a wider one that takes the place of another."""
        wide = functools.partial(tiny_application.tiny, alpha=2.0)
        monkeypatch.setattr(keras.applications, "ResNet50V2", wide)
        names = ("ResNet50V2", "MobileNetV3Small")
        monkeypatch.setattr(applications, "NAMES", names)
        original(alpha=2.0).save_weights(tmp_path / "other.weights.h5")
        message = "weights of MobileNetV3Small(.|\n)*a file of ResNet50V2"
        with pytest.raises(ValueError, match=message):
            load(tmp_path / "other.weights.h5")

    def test_file_of_another_width_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(applications, "NAMES", ("MobileNetV3Small",))
        original(alpha=0.5).save_weights(tmp_path / "wide.weights.h5")
        with pytest.raises(ValueError, match="wide.weights.h5 must hold"):
            load(tmp_path / "wide.weights.h5")

    def test_missing_file_and_a_device_are_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="none.weights.h5"):
            load(tmp_path / "none.weights.h5")
        (tmp_path / "zero.h5").symlink_to("/dev/zero")
        with pytest.raises(ValueError, match="zero.h5.*a device"):
            load(tmp_path / "zero.h5")


class DownloadTest:
    def test_offline_machine_is_told_of_files(self, monkeypatch):
        def fail(*args, **kwargs):
            raise Exception("URL fetch failure on there: None -- no route")

        monkeypatch.undo()  # Keras' own
        monkeypatch.setattr(file_utils, "get_file", fail)
        message = "ImageNet weights of MobileNetV3Small(.|\n)*file(.|\n)*route"
        with pytest.raises(ConnectionError, match=message):
            load("imagenet")

    @pytest.mark.long
    def test_files_of_efficientnet_hold_deviations(self, tmp_path, monkeypatch):
        """By path as by download, the network sees what Keras' own sees."""
        file = tmp_path / "efficientnet.h5"
        plain = keras.applications.EfficientNetB0(
            include_top=False, weights=None, input_shape=SHAPE
        )
        (scaling,) = (
            layer
            for layer in plain.layers
            if isinstance(layer, keras.layers.Normalization)
        )
        means = np.array([0.485, 0.456, 0.406])
        scaling.set_weights([means, DEVIATIONS, np.array(0)])
        write_legacy(plain, file)
        monkeypatch.setattr(file_utils, "get_file", lambda *a, **k: str(file))
        theirs = keras.applications.EfficientNetB0(
            include_top=False, input_shape=SHAPE, pooling="avg"
        )
        pixels = np.random.default_rng(0).integers(0, 256, (2, *SHAPE))
        expected = np.asarray(theirs(pixels.astype("float32")))
        for weights in ("imagenet", file):
            network = applications.Application(
                "EfficientNetB0", 5, SHAPE, weights=weights
            )
            features = keras.Model(
                network.inputs, network.get_layer("avg_pool").output
            )
            np.testing.assert_allclose(
                features(mp_keras.normalize(pixels)),
                expected,
                rtol=1e-3,
                atol=1e-3 * np.std(expected),
            )
