"""Data sets in npz files, damaged and crafted."""

import io
import zipfile

import numpy as np
import pytest

from tests.hostile import good_files
from tests.hostile import payloads


def npz(compressed=False, **members):
    """Returns a good npz file with other bytes for some of its members."""
    arrays = {
        f"{k}.npy": payloads.npy(v) for k, v in good_files.arrays().items()
    }
    arrays |= {f"{key}.npy": content for key, content in members.items()}
    way = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    return payloads.zip_file(arrays, way)


def header(descr, shape):
    return payloads.npy_header(
        {"descr": descr, "fortran_order": False, "shape": shape}
    )


class NpzTest:
    @pytest.mark.parametrize("kind", ["npz", "compressed npz"])
    def test_damaged_files(self, prepare, read_damaged, kind, seed, times):
        prepare("npz", kind == "compressed npz")
        counts = read_damaged(kind, "npz", seed, times)
        assert not counts["other"]

    def test_crafted_files(self, prepare, refuse):
        prepare("npz")
        zeros = np.zeros((2**28,), np.uint8)
        found = refuse(
            "npz",
            "images.npz",
            {
                "pickle": npz(class_names=payloads.npy_pickle()),
                "shape": npz(train_images=header("|u1", (10**9, 8, 8, 3))),
                "overflow": npz(train_images=header("|u1", (2**40, 2**40))),
                "negative": npz(train_images=header("|u1", (-1, 8, 8, 3))),
                "wide strings": npz(class_names=header("<U500000000", (2,))),
                "bomb": npz(True, train_images=payloads.npy(zeros)),
                "negative labels": npz(
                    train_labels=payloads.npy(np.arange(6) - 1)
                ),
                "large labels": npz(
                    train_labels=payloads.npy(np.arange(6) + 2**62)
                ),
                "other version": npz(
                    class_names=b"\x93NUMPY\x03\x00" + bytes(64)
                ),
            },
        )
        assert "without pickled objects" in found["pickle"]
        assert "packed into" in found["bomb"]

    def test_more_images_than_memory(self, prepare, refuse):
        prepare("npz")
        count = 2**25  # of one pixel: 6 GiB at 8 x 8, in colour
        images = np.zeros((count, 1, 1), np.uint8)
        labels = np.zeros(count, np.uint8)
        content = npz(
            True,
            train_images=payloads.npy(images),
            train_labels=payloads.npy(labels),
        )
        found = refuse("npz", "images.npz", {"many": content})
        assert "must fit into memory" in found["many"]

    def test_member_in_place_of_an_array(self, prepare, refuse):
        prepare("npz")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("train_images", b"")
        found = refuse("npz", "images.npz", {"other": buffer.getvalue()})
        assert "no train_images" in found["other"]
