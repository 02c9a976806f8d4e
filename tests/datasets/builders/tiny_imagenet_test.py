import shutil

import numpy as np
import pytest
import tensorflow as tf

from pipeline.datasets.builders import tiny_imagenet
from pipeline.datasets.builders import tiny_imagenet_archive
from pipeline.datasets.sources.loading import load_images
from tests.datasets import fakes

_WNIDS = ("n02", "n01", "n03")  # not sorted, as in the original


def _jpeg(seed, mode="RGB", side=64):
    return fakes.draw_jpeg(seed, (side, side), mode)


def _files():
    """A miniature of the original: `{name: bytes}`."""
    root = "tiny-imagenet-200"
    files = {
        f"{root}/wnids.txt": "\n".join(_WNIDS).encode(),
        f"{root}/words.txt": b"n01\tfish\nn02\tfowl\nn03\tfly\n",
        f"{root}/test/images/test_0.JPEG": _jpeg(99),
    }
    lines = []
    for label, wnid in enumerate(_WNIDS):
        folder = f"{root}/train/{wnid}"
        files[f"{folder}/{wnid}_boxes.txt"] = b""
        for index in range(3):
            mode = "L" if index == 1 else "RGB"
            name = f"{folder}/images/{wnid}_{index}.JPEG"
            files[name] = _jpeg(10 * label + index, mode)
        files[f"{root}/val/images/val_{label}.JPEG"] = _jpeg(50 + label)
        lines.append(f"val_{label}.JPEG\t{wnid}\t0\t0\t62\t62\n")
    annotations = "".join(lines).encode()
    files[f"{root}/val/val_annotations.txt"] = annotations
    return files


def _load(tmp_path):
    return load_images(
        "tfds:tiny_imagenet",
        image_size=64,
        data_dir=tmp_path / "data",
        manual_dir=tmp_path / "manual",
    )


@pytest.fixture
def manual(tmp_path):
    (tmp_path / "manual").mkdir()
    return tmp_path / "manual"


class TinyImagenetTest:
    @pytest.mark.parametrize(
        ("name", "write"),
        [
            ("tiny-imagenet-200.zip", fakes.write_zip),
            ("tiny-imagenet-200-small.zip", fakes.write_zip),
            ("", fakes.write_folder),  # which has the root in its names
        ],
    )
    def test_archive_is_read(self, tmp_path, manual, name, write):
        write(manual / name, _files())
        data = _load(tmp_path)
        assert data.class_names == ("n01", "n02", "n03")
        assert np.bincount(data.train_labels).tolist() == [3, 3, 3]
        assert sorted(data.test_labels) == [0, 1, 2]
        first = tf.io.decode_jpeg(_jpeg(50)).numpy()  # val_0 is of n02
        np.testing.assert_array_equal(
            data.test_images[data.test_labels == 1][0], first
        )

    def test_gray_images_have_three_equal_channels(self, tmp_path, manual):
        fakes.write_zip(manual / "tiny-imagenet-200.zip", _files())
        images = _load(tmp_path).train_images.astype(int)
        gray = abs(images - images[..., :1]).max(axis=(1, 2, 3)) == 0
        assert gray.sum() == 3

    def test_real_subset_is_listed(self, shared_data):
        archive = tiny_imagenet_archive.open_archive(shared_data)
        wnids = archive.read("wnids.txt").decode().split()
        train = tiny_imagenet.list_train(archive, wnids)
        validation = tiny_imagenet.list_validation(archive, wnids)
        assert (len(train), len(validation)) == (30000, 2000)
        assert {wnid for _, wnid in train} == set(wnids)
        for name, wnid in train[:3] + validation[:3]:
            image = tiny_imagenet.check_jpeg(name, archive.read(name))
            assert tf.io.decode_jpeg(image).shape == (64, 64, 3)
            assert wnid in wnids


class TinyImagenetErrorTest:
    @pytest.mark.parametrize("other_file", [True, False])
    def test_missing_archive_raises(self, tmp_path, manual, other_file):
        if other_file:
            (manual / "other.zip").write_bytes(b"")
        with pytest.raises(FileNotFoundError, match="tiny-imagenet-200.zip"):
            _load(tmp_path)

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("wnids.txt", None, "no wnids.txt"),
            ("wnids.txt", b"n01\nn02\nn03\nn04", "1 classes, first n04"),
            ("val/val_annotations.txt", None, "must hold val/val_ann"),
            ("val/val_annotations.txt", b"val_9.JPEG\tn01\n", "val_9"),
            ("val/val_annotations.txt", b"val_0.JPEG\tn09\n", "n09"),
            ("val/val_annotations.txt", b"val_0.JPEG", "val_0"),
            ("val/images/val_0.JPEG", _jpeg(1)[:400], "val_0.JPEG must be"),
            ("val/images/val_0.JPEG", _jpeg(1, side=32), r"\(32, 32\)"),
        ],
    )
    def test_wrong_file_raises(self, tmp_path, manual, name, content, message):
        files = _files()
        files[f"tiny-imagenet-200/{name}"] = content
        files = {k: v for k, v in files.items() if v is not None}
        fakes.write_zip(manual / "tiny-imagenet-200.zip", files)
        with pytest.raises(ValueError, match=message):
            _load(tmp_path)
        shutil.rmtree(manual)
