"""φ from the package and from files, on every backend."""

import zipfile

import numpy as np
import pytest

import mp_keras
from mp_keras import backends
from mp_keras.perturbation import function
from mp_keras.perturbation import phi_archive
from tests import small_networks


@pytest.fixture
def phi():
    values = small_networks.random_phi(4).values()
    return mp_keras.PerturbationFunction(values, all_branch="sum")


@pytest.fixture
def folder(phi, tmp_path):
    """A saved φ, or where there is no TensorFlow what is read of one."""
    path = tmp_path / "phi"
    if backends.is_tensorflow():
        mp_keras.save_perturbation(phi, path)
    else:
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"of no use here")
        phi_archive.write(phi, path / "phi.npz")
    return path


def rewrite(path, **changes):
    """Writes the archive again, with other arrays; None leaves one out."""
    with np.load(path / "phi.npz") as stored:
        arrays = {**stored, **changes}
    kept = {key: value for key, value in arrays.items() if value is not None}
    np.savez(path / "phi.npz", **kept)


class LoadPerturbationTest:
    @pytest.mark.parametrize(
        ("name", "noise_per"),
        [
            ("tiny_imagenet_resnet20", "element"),
            ("glyphs_conv4", "element"),
            ("glyphs_conv4_channels", "channel"),
        ],
    )
    def test_shipped(self, name, noise_per):
        phi = mp_keras.load_perturbation(name)
        assert phi.noise_per == noise_per
        numbers = [array.size for array in phi.values().values()]
        assert sum(numbers) == 82
        assert mp_keras.load_card(name)

    def test_saved_folder(self, phi, folder):
        loaded = mp_keras.load_perturbation(folder)
        assert loaded.variant() == phi.variant()
        for name, array in phi.values().items():
            np.testing.assert_array_equal(loaded.values()[name], array)

    def test_archive_is_plain_numpy(self, phi, folder):
        with np.load(folder / "phi.npz", allow_pickle=False) as stored:
            names = {*function.WEIGHT_SHAPES, "variant"}
            assert set(stored.files) == names
            for name, array in phi.values().items():
                np.testing.assert_array_equal(stored[name], array)
        assert (folder / "phi.npz").stat().st_size < 5000


class DamageTest:
    @pytest.mark.parametrize("kept", [0, 30, 0.5, -30])
    def test_truncated(self, folder, kept):
        file = folder / "phi.npz"
        content = file.read_bytes()
        file.write_bytes(
            content[: int(kept * len(content)) if kept == 0.5 else kept]
        )
        with pytest.raises(ValueError, match="and whole. Received: phi.npz: "):
            mp_keras.load_perturbation(folder)

    def test_flipped_bit(self, folder):
        file = folder / "phi.npz"
        content = bytearray(file.read_bytes())
        with zipfile.ZipFile(file) as archive:
            start = archive.getinfo("scale_head.npy").header_offset
        content[start + 190] ^= 1
        file.write_bytes(content)
        with pytest.raises(ValueError, match="phi.npz: "):
            mp_keras.load_perturbation(folder)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"scale_head": np.full(10, np.nan)},
                "`scale_head` must be finite",
            ),
            ({"scale_head": np.zeros(9)}, r"shape \(10,\)"),
            ({"scale_head": None}, "instead of"),
            ({"more": np.zeros(1)}, "instead of"),
            ({"variant": np.array("{")}, "JSONDecodeError"),
            ({"variant": np.array('{"use": 1}')}, "use"),
            ({"variant": np.array('{"all_branch": "max"}')}, "all_branch"),
        ],
    )
    def test_other_content(self, folder, changes, message):
        rewrite(folder, **changes)
        with pytest.raises(ValueError, match=f"phi.npz: .*{message}"):
            mp_keras.load_perturbation(folder)

    def test_pickles_are_not_read(self, folder):
        rewrite(folder, scale_head=np.array([print] * 10, dtype=object))
        with pytest.raises(ValueError, match="phi.npz: .*pickled objects"):
            mp_keras.load_perturbation(folder)

    def test_neither_saved_model_nor_archive(self, tmp_path):
        with pytest.raises(ValueError, match="without `saved_model.pb`"):
            mp_keras.load_perturbation(tmp_path)


class TwoCopiesTest:
    @pytest.mark.tensorflow_only
    @pytest.mark.parametrize(
        "changes",
        [
            {"scale_head": np.zeros(10, "float32")},
            {"variant": np.array('{"use_scale": false}')},
        ],
    )
    def test_that_disagree(self, folder, changes):
        rewrite(folder, **changes)
        with pytest.raises(ValueError, match="other numbers or options than"):
            mp_keras.load_perturbation(folder)

    @pytest.mark.tensorflow_only
    def test_older_folder_without_the_archive(self, phi, folder):
        (folder / "phi.npz").unlink()
        loaded = mp_keras.load_perturbation(folder)
        np.testing.assert_array_equal(
            loaded.values()["scale_head"], phi.values()["scale_head"]
        )

    @pytest.mark.skipif(
        backends.is_tensorflow(), reason="TensorFlow reads such a folder"
    )
    def test_older_folder_needs_tensorflow(self, folder):
        (folder / "phi.npz").unlink()
        with pytest.raises(ImportError, match="needs `phi.npz` to be read"):
            mp_keras.load_perturbation(folder)
