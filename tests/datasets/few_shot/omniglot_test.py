"""Omniglot from archives in miniature, from TFDS, and the real small sets."""

import io

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from pipeline.datasets import image_resizing
from pipeline.datasets.few_shot import load_class_images
from pipeline.datasets.few_shot import omniglot
from tests.datasets import fakes
from tests.datasets.few_shot import examples

_SMALL1 = {"Greek": (1, 2), "Korean": (3, 4), "Latin": (7, 14)}
_SMALL2 = {"Greek": (1, 2), "Sanskrit": (21, 3), "Early_Aramaic": (24, 1)}


def _small_sets(side=15):
    """The two small sets, `{set name: {file name: bytes}}`."""
    first, second = omniglot._SMALL
    return {
        first: examples.omniglot_files(first, _SMALL1, 2, side),
        second: examples.omniglot_files(second, _SMALL2, 2, side),
    }


def _write_zips(folder, sets):
    for name, files in sets.items():
        fakes.write_zip(folder / f"{name}.zip", files)


def _load(manual_dir, source="omniglot_small", **changes):
    arguments = {"image_size": 7, "channels": 1, **changes}
    return load_class_images(
        f"few_shot:{source}", manual_dir=manual_dir, **arguments
    )


def _characters(data):
    return {name.rpartition("/")[0] for name in data.class_names}


@pytest.fixture
def small(tmp_path):
    _write_zips(tmp_path, _small_sets())
    return tmp_path


class OmniglotSmallTest:
    def test_alphabets_of_both_sets_are_for_training_only(self, small):
        data = _load(small)
        test = {"Sanskrit/character01", "Sanskrit/character02"}
        test |= {"Sanskrit/character03", "Early_Aramaic/character01"}
        assert _characters(data.test) == test
        train = _characters(data.train_and_validation())
        assert train == {
            f"{alphabet}/character{number + 1:02d}"
            for alphabet, (_, count) in _SMALL1.items()
            for number in range(count)
        }

    def test_validation_has_whole_characters(self, small):
        data = _load(small)
        assert (data.train.classes, data.validation.classes) == (72, 8)
        assert len(_characters(data.train)) == 18
        assert not _characters(data.train) & _characters(data.validation)

    def test_ink_is_white(self, small):
        """An image at its own size is that of the file, inverted."""
        data = _load(small, image_size=15).test
        label = data.class_names.index("Sanskrit/character02/0")
        images = data.images[data.labels == label][..., 0]
        expected = [
            ~np.asarray(Image.open(io.BytesIO(examples.draw_ink([22, d]))))
            for d in (1, 2)
        ]
        assert {image.tobytes() for image in images} == {
            np.uint8(image * 255).tobytes() for image in expected
        }

    def test_turns_are_classes(self, small):
        data = _load(small).test
        names = [f"Sanskrit/character01/{turn}" for turn in (0, 90, 180, 270)]
        labels = [data.class_names.index(name) for name in names]
        assert np.diff(labels).tolist() == [1, 1, 1]
        upright, *turned = (data.images[data.labels == k] for k in labels)
        for quarter, images in enumerate(turned, 1):
            for image, expected in zip(images, upright):
                np.testing.assert_array_equal(
                    image, np.rot90(expected, quarter)
                )

    def test_resizing_is_that_of_all_sources(self, small):
        large, data = _load(small, image_size=15).test, _load(small).test
        expected = 255 - image_resizing.resize_array(255 - large.images, 7, 1)
        upright = data.labels % 4 == 0
        some = {image.tobytes() for image in data.images[upright]}
        assert some == {image.tobytes() for image in expected[upright]}

    def test_three_channels(self, small):
        gray, colored = _load(small).test, _load(small, channels=3).test
        np.testing.assert_array_equal(
            colored.images, np.repeat(gray.images, 3, axis=3)
        )

    def test_unpacked_folders_give_the_same(self, small, tmp_path):
        for name, files in _small_sets().items():
            files = {k: v for k, v in files.items() if v}
            fakes.write_folder(tmp_path / "unpacked" / name, files)
        data = _load(tmp_path / "unpacked")
        assert data.digest() == _load(small).digest()

    def test_seed_decides_what_is_for_validation(self, small):
        first, other = _load(small, seed=0), _load(small, seed=1)
        assert first.validation.class_names != other.validation.class_names
        assert first.test.digest() == other.test.digest()

    @pytest.mark.long  # 4,840 images, turned
    def test_real_sets(self, shared_data):
        data = _load(shared_data, image_size=28)
        whole = data.train_and_validation()
        assert whole.classes == 4 * 136
        assert data.validation.classes == 4 * 14
        assert data.test.classes == 4 * 106
        assert len(whole.images) == 20 * whole.classes
        alphabets = {name.partition("/")[0] for name in data.test.class_names}
        assert alphabets == {"Japanese_(katakana)", "Sanskrit", "Tagalog"}
        assert 0.02 < whole.images.mean() / 255 < 0.2  # ink on black
        assert whole.images.max() > 200


class OmniglotTest:
    @pytest.fixture
    def full(self, tmp_path):
        """1,623 characters of one 3 x 3 image."""
        sets = {"images_background": 964, "images_evaluation": 659}
        first = 1
        for name, count in sets.items():
            alphabets = {f"{name}_letters": (first, count)}
            files = examples.omniglot_files(name, alphabets, 1, side=3)
            _write_zips(tmp_path, {name: files})
            first += count
        return tmp_path

    def test_classes_for_training_and_test(self, full):
        data = _load(full, "omniglot", image_size=3)
        assert data.train_and_validation().classes == 4 * 1200
        assert data.validation.classes == 4 * 120
        assert data.test.classes == 4 * 423
        sets = {name.partition("_letters")[0] for name in data.test.class_names}
        assert sets == {"images_background", "images_evaluation"}  # both
        repeated = _load(full, "omniglot", image_size=3)
        assert repeated.digest() == data.digest()

    def test_other_number_of_characters_raises(self, small):
        for old, new in zip(omniglot._SMALL, omniglot._FULL):
            (small / f"{old}.zip").rename(small / f"{new}.zip")
        files = examples.omniglot_files("x", {"Sanskrit": (21, 3)}, 1)
        _write_zips(small, {"images_evaluation": files})
        with pytest.raises(ValueError, match="1,623 char(.|\n)*Received: 23"):
            _load(small, "omniglot")


class OmniglotTfdsTest:
    def test_tfds_gives_the_same(self, tmp_path, monkeypatch):
        sets = _small_sets(105)
        _write_zips(tmp_path, sets)
        names = [f"Other_{number}" for number in range(1623)]

        def generate(files):
            for name, content in reversed(files.items()):
                if content:
                    _, alphabet, character, file = name.split("/")
                    label = int(file[:4]) - 1
                    place = int(character[-2:]) - 1
                    names[label] = f"{alphabet}_{place}"
                    image = np.asarray(Image.open(io.BytesIO(content)))
                    image = np.repeat(np.uint8(image * 255)[..., None], 3, 2)
                    yield (
                        name,
                        {
                            "image": image,
                            "alphabet": 0,
                            "alphabet_char_id": place,
                            "label": label,
                        },
                    )

        def split_generators(self, dl_manager):
            parts = [list(generate(files)) for files in sets.values()]
            self.info.features["alphabet"].names = list(map(str, range(50)))
            self.info.features["label"].names = names
            return dict(zip(("small1", "small2"), map(iter, parts)))

        builder = type(tfds.builder("omniglot"))
        monkeypatch.setattr(builder, "_split_generators", split_generators)
        data = _load(None, data_dir=tmp_path / "data", image_size=28)
        assert data.digest() == _load(tmp_path, image_size=28).digest()


class OmniglotErrorTest:
    def test_missing_set_raises(self, small):
        (small / "images_background_small2.zip").unlink()
        with pytest.raises(FileNotFoundError, match="small2.zip and no folder"):
            _load(small)

    def test_damaged_image_raises(self, small):
        sets = _small_sets()
        second = sets["images_background_small2"]
        second[list(second)[-1]] = b"no image"
        _write_zips(small, sets)
        with pytest.raises(
            ValueError, match="0024_02.png of .*small2.zip must be a complete"
        ):
            _load(small)

    def test_other_zip_raises(self, small):
        fakes.write_zip(small / "images_background_small1.zip", {"a": b""})
        with pytest.raises(ValueError, match="Omniglot's images(.|\n)*none of"):
            _load(small)
