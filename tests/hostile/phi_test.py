"""φ as a SavedModel folder, damaged and crafted."""

import io
import json
import zipfile

import numpy as np
import pytest

from tests.hostile import payloads


@pytest.fixture
def good_phi(prepare):
    return prepare("phi") / "phi"


def archive_with(phi, **members):
    """Returns φ's npz file with other bytes for some of its members."""
    with zipfile.ZipFile(phi / "phi.npz") as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (found | members).items():
            archive.writestr(name, content)
    return buffer.getvalue()


class SavedPerturbationTest:
    def test_damaged_files(self, good_phi, read_damaged, seed, times):
        counts = read_damaged("phi", "phi", seed, times)
        # Checksums cover the numbers; what nobody reads may change, and the
        # card is text, where a changed letter is another text.
        assert counts["refused"] > 2 * counts["other"]

    def test_every_flipped_bit_of_the_numbers_is_found(self, good_phi, refuse):
        name = "variables/variables.data-00000-of-00001"
        content = (good_phi / name).read_bytes()
        flipped = payloads.flip_each(content, 40)
        # The table of what the file holds is protected like the numbers.
        found = refuse("phi_numbers", f"phi/{name}", flipped)
        assert len(found) == 40

    def test_crafted_archives(self, good_phi, refuse):
        huge = {"descr": "<f4", "fortran_order": False, "shape": (10**12,)}
        large = payloads.npy(np.zeros(2**19, np.float32))
        wrong = {"key": np.array("1")}
        refuse(
            "phi",
            "phi/phi.npz",
            {
                "pickle": archive_with(
                    good_phi, **{"variant.npy": payloads.npy_pickle()}
                ),
                "shape": archive_with(
                    good_phi,
                    **{"scale_head.npy": payloads.npy_header(huge)},
                ),
                "large": archive_with(good_phi, **{"scale_head.npy": large}),
                "another key": archive_with(
                    good_phi, **{"key.npy": payloads.npy(wrong["key"])}
                ),
                "bomb": payloads.zip_file(
                    {"variant.npy": bytes(2**26)}, zipfile.ZIP_DEFLATED
                ),
            },
        )

    @pytest.mark.parametrize("value", [[], 1, None, "a"])
    def test_card_that_is_no_object(self, good_phi, refuse, value):
        content = json.dumps(value).encode()
        found = refuse("phi", "phi/card.json", {"card": content})
        assert "card.json must hold a JSON object" in found["card"]
