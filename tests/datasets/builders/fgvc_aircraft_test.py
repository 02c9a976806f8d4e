import io

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.sources.loading import load_images
from tests.datasets import fakes

_ROOT = "fgvc-aircraft-2013b"
_VARIANTS = ("707-320", "Cessna 172", "F/A-18")


def _banner_jpeg(value):
    """A gray image of 24x30 pixels over 20 rows of white banner."""
    pixels = np.full((50, 24, 3), value, np.uint8)
    pixels[30:] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


@pytest.fixture
def files():
    """A miniature of the original: `{name: bytes}`, below the root."""
    lists = {"trainval": "", "test": ""}
    files = {"data/variants.txt": "\n".join(_VARIANTS).encode() + b"\n"}
    for index in range(9):
        part = "test" if index >= 6 else "trainval"
        lists[part] += f"{index:07d} {_VARIANTS[index % 3]}\n"
        name = f"data/images/{index:07d}.jpg"
        files[name] = _banner_jpeg(10 * index)
    for part, lines in lists.items():
        files[f"data/images_variant_{part}.txt"] = lines.encode()
    return files


@pytest.fixture
def load(tmp_path, files):
    """Writes the files as an archive or folder and loads them."""

    def write_and_load(name=f"{_ROOT}.tar.gz"):
        manual = tmp_path / "manual"
        manual.mkdir()
        if name == f"{_ROOT}.tar.gz":
            members = {f"{_ROOT}/{n}": files[n] for n in files}
            fakes.write_tar(manual / name, members)
        else:
            fakes.write_folder(manual / name, files)
        return load_images(
            "tfds:fgvc_aircraft",
            image_size=10,
            data_dir=tmp_path / "data",
            manual_dir=manual,
        )

    return write_and_load


class FgvcAircraftTest:
    @pytest.mark.parametrize("name", [f"{_ROOT}.tar.gz", _ROOT, ""])
    def test_official_files_are_read(self, load, name):
        data = load(name)
        assert data.class_names == _VARIANTS
        assert np.bincount(data.train_labels).tolist() == [2, 2, 2]
        assert sorted(data.test_labels) == [0, 1, 2]
        pixels = data.test_images[np.argsort(data.test_labels)]
        values = pixels.astype(int).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(values, [60, 70, 80], atol=2)

    def test_banner_is_cut_off(self, load):
        data = load()
        images = np.concatenate([data.train_images, data.test_images])
        spread = np.ptp(images.astype(int), axis=(1, 2, 3))
        assert spread.max() <= 4  # one flat colour each, no white rows


class FgvcAircraftErrorTest:
    def test_missing_archive_says_what_to_put_where(self, tmp_path):
        (tmp_path / "other.zip").write_bytes(b"")
        with pytest.raises(FileNotFoundError, match=f"Put {_ROOT}.tar.gz"):
            load_images(
                "paper:aircraft",
                image_size=10,
                data_dir=tmp_path / "data",
                manual_dir=tmp_path,
            )

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("variants.txt", None, "must hold the file variants.txt"),
            ("variants.txt", b"one\n", "at least 2 class names.*one"),
            ("variants.txt", b"one\ntwo\none\n", "each once.*one"),
            ("images_variant_test.txt", b"", "must list images. Received: no"),
            ("images_variant_test.txt", b"1 747\n", "Received: '1 747'"),
            ("images_variant_test.txt", b"0000001", "Received: '0000001'"),
            ("images/0000008.jpg", None, "0000008.jpg. Received: 2 of 3"),
            ("images/0000008.jpg", b"no", "0000008.jpg must be a complete"),
            ("images/0000008.jpg", fakes.draw_jpeg(0, (9, 20)), "than 20 rows"),
        ],
    )
    def test_wrong_file_raises(self, load, files, name, content, message):
        files[f"data/{name}"] = content
        for missing in [n for n, c in files.items() if c is None]:
            del files[missing]
        with pytest.raises(ValueError, match=message):
            load()
