import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.sources import folder_source
from pipeline.datasets.sources import memory_need
from pipeline.datasets.sources.loading import load_images

EXAMPLES = 8
GIB = 3 * 8**2 * EXAMPLES / 2**30  # at 8 pixels


@pytest.fixture(params=["folder", "npz"])
def source(request, tmp_path):
    images = np.arange(EXAMPLES * 64, dtype="uint32").astype("uint8")
    images = images.reshape((EXAMPLES, 8, 8)) + np.arange(
        EXAMPLES, dtype="uint8"
    ).reshape((-1, 1, 1))
    if request.param == "folder":
        for index, image in enumerate(images):
            folder = tmp_path / "images" / f"class_{index % 2}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{index}.png")
        return f"folder:{tmp_path / 'images'}"
    np.savez(
        tmp_path / "images.npz",
        train_images=images[:6],
        train_labels=np.arange(6) % 2,
        test_images=images[6:],
        test_labels=np.arange(2),
        class_names=np.array(["cat", "dog"]),
    )
    return f"npz:{tmp_path / 'images.npz'}"


def shrink_machine(monkeypatch, gib):
    monkeypatch.setattr(
        memory_need.os,
        "sysconf",
        lambda name: 1 if name == "SC_PAGE_SIZE" else gib * 2**30,
    )


class MemoryNeedTest:
    def test_larger_source_is_read_with_a_warning(self, source, warnings):
        load_images(source, image_size=8, memory_gib=GIB / 2)
        named = source if source.startswith("folder:") else "folder:PATH"
        (line,) = [line for line in warnings if "memory_gib" in line]
        assert f"{source}: 8 images at image_size=8 take {GIB:.3g} GiB" in line
        assert f"memory_gib={GIB / 2:g}. " in line
        assert f"--source={named} --image_size=8 --output=SHARDS" in line

    @pytest.mark.parametrize("memory_gib", [None, GIB])
    def test_source_that_fits_is_read_without_a_word(
        self, source, warnings, memory_gib
    ):
        load_images(source, image_size=8, memory_gib=memory_gib)
        assert not [line for line in warnings if "memory" in line]

    @pytest.mark.parametrize("memory_gib", [None, GIB, 100.0])
    def test_larger_than_the_machine_is_refused(
        self, source, monkeypatch, memory_gib
    ):
        shrink_machine(monkeypatch, GIB / 2)
        with pytest.raises(ValueError) as caught:
            load_images(source, image_size=8, memory_gib=memory_gib)
        assert f"`source` {source} must fit into memory" in str(caught.value)
        assert f"GiB of memory, of {GIB / 2:.3g} GiB" in str(caught.value)
        assert "tools.generate_examples" in str(caught.value)


@pytest.mark.parametrize("source", ["folder"], indirect=True)
def test_files_are_counted_before_one_is_read(source, monkeypatch):
    shrink_machine(monkeypatch, GIB / 2)
    monkeypatch.setattr(
        folder_source, "read_images", lambda *_: pytest.fail("read")
    )
    with pytest.raises(ValueError, match="must fit into memory"):
        load_images(source, image_size=8)
