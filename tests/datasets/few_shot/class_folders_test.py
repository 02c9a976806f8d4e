"""A user's own folders."""

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.few_shot import load_class_images


def _write(path, value, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, value, value)).save(path)


def _load(path, **changes):
    arguments = {"image_size": 8, "channels": 3, **changes}
    return load_class_images(f"folder:{path}", **arguments)


@pytest.fixture
def parts(tmp_path):
    """Two classes of two images in train, val and test."""
    for number, part in enumerate(("train", "val", "test")):
        for label in range(2):
            for index in range(2):
                value = 100 * number + 10 * label + index
                folder = tmp_path / part / f"{part} {label}"
                _write(folder / f"{index}.png", value)
    return tmp_path


class LoadClassFoldersTest:
    def test_parts_are_those_of_the_folder(self, parts):
        data = _load(parts)
        assert data.validation.class_names == ("val 0", "val 1")
        for number, part in enumerate((data.train, data.validation, data.test)):
            values = part.images[:, 0, 0, 0] - 100 * number
            assert values.tolist() == [0, 1, 10, 11]
            assert part.labels.tolist() == [0, 0, 1, 1]

    def test_validation_may_be_written_out(self, parts):
        expected = _load(parts).digest()
        (parts / "val").rename(parts / "validation")
        assert _load(parts).digest() == expected

    def test_plain_folder_is_cut_by_classes(self, tmp_path):
        for label in range(10):
            _write(tmp_path / f"class {label}" / "deep" / "a.png", label)
        data = _load(tmp_path, channels=1)
        sizes = [p.classes for p in (data.train, data.validation, data.test)]
        assert sizes == [6, 2, 2]
        names = [f"class {value}" for value in data.test.images[:, 0, 0, 0]]
        assert tuple(np.array(names)[data.test.labels]) == tuple(names)
        assert names == [data.test.class_names[k] for k in data.test.labels]
        assert _load(tmp_path, seed=1, channels=1).digest() != data.digest()

    @pytest.mark.parametrize("missing", ["val", "test"])
    def test_missing_part_raises(self, parts, missing):
        (parts / missing).rename(parts / "other")
        with pytest.raises(ValueError, match="must hold train, val(.|\n)*othe"):
            _load(parts)

    def test_class_in_two_parts_raises(self, parts):
        _write(parts / "test" / "train 0" / "a.png", 0)
        with pytest.raises(ValueError, match="train 0 in train and in test"):
            _load(parts)
