"""ExampleGen: what goes in comes out, at the size that was asked for."""

import dataclasses
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from pipeline import datasets
from pipeline.stages import example_gen
from pipeline.storage import places
from pipeline.trainings import target_data
from tests import squares
from tests.pipeline import smoke


def assert_same_data(actual, expected):
    for field in dataclasses.fields(expected)[:5]:  # not where they lay
        np.testing.assert_array_equal(
            getattr(actual, field.name), getattr(expected, field.name)
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A `folder:` source: 6 images of each class."""
    root = tmp_path_factory.mktemp("images")
    for index, (image, label) in enumerate(zip(*squares.make_part(6))):
        path = root / squares.NAMES[label]
        path.mkdir(exist_ok=True)
        Image.fromarray(image).save(path / f"{index}.png")
    return f"folder:{root}"


class GenerateExamplesTest:
    def test_npz_round_trip(self, source, examples):
        copy = datasets.load_images(
            example_gen.examples_source(examples), image_size=16
        )
        assert_same_data(copy, datasets.load_images(source, image_size=16))
        assert copy.class_names == squares.NAMES

    def test_description(self, source, tmp_path):
        description = example_gen.generate_examples(source, 16, tmp_path / "a")
        data = datasets.load_images(source, image_size=16)
        assert description == {
            "source": source,
            "image_size": 16,
            "classes": 4,
            "train_examples": 48,
            "test_examples": 20,
            "digest": data.digest(),
        }

    def test_folder_is_cut_and_resized(self, folder, tmp_path):
        options = {"test_fraction": 0.5, "seed": 3}
        description = example_gen.generate_examples(
            folder, 12, tmp_path, **options
        )
        source = example_gen.examples_source(tmp_path)
        data = datasets.load_images(source, image_size=12)
        assert data.train_images.shape == data.test_images.shape
        assert data.train_images.shape == (12, 12, 12, 3)
        expected = datasets.load_images(folder, image_size=12, **options)
        assert_same_data(data, expected)
        assert description["digest"] == expected.digest()

    def test_validation_part_stays_apart(self, folder, tmp_path):
        root = tmp_path / "parts"
        for part in ("train", "val", "test"):
            shutil.copytree(folder.removeprefix("folder:"), root / part)
        example_gen.generate_examples(
            f"folder:{root}", 12, tmp_path, keep_repeated=True
        )
        data = datasets.load_images(
            example_gen.examples_source(tmp_path), image_size=12
        )
        assert len(data.validation[1]) == len(data.train_labels) == 24
        config = smoke.target_config(example_gen.examples_source(tmp_path))
        _, (_, labels) = target_data.load_data(config)
        np.testing.assert_array_equal(labels, data.validation[1])

    def test_repeated_images_are_not_held_out(self, folder, tmp_path):
        root = tmp_path / "twice"
        shutil.copytree(folder.removeprefix("folder:"), root)
        for file in sorted(root.rglob("?.png")):
            shutil.copy(file, file.with_stem(f"again_{file.stem}"))
        example_gen.generate_examples(f"folder:{root}", 16, tmp_path)
        config = smoke.target_config(
            f"folder:{root}", data__validation_fraction=0.25
        )
        held = [
            target_data.load_data(config, source=source)[1][0]
            for source in (None, example_gen.examples_source(tmp_path))
        ]
        np.testing.assert_array_equal(*held)

    def test_digest_is_that_of_the_pixels(self, tmp_path):
        images, _ = squares.make_part(12)
        digests = set()
        for name, change in (("same", 0), ("again", 0), ("other", 1)):
            images[7, 3, 3, 0] = 17 + change
            source = squares.write_npz(
                tmp_path / f"{name}.npz", train_images=images
            )
            description = example_gen.generate_examples(
                source, 16, tmp_path / name
            )
            digests.add(description["digest"])
        assert len(digests) == 2

    def test_bad_data_leaves_nothing(self, tmp_path):
        source = f"npz:{tmp_path / 'none.npz'}"
        with pytest.raises(FileNotFoundError, match="none.npz"):
            example_gen.generate_examples(source, 16, tmp_path / "examples")
        assert list(tmp_path.iterdir()) == []


class GenerateShardsTest:
    def test_whole_shards_are_pointed_to(self, tmp_path):
        manifest = {
            "class_names": ["a", "b"],
            "train_examples": 7,
            "test_examples": 3,
            "digest": "abc",
        }
        shards = tmp_path / "shards"
        places.write_json(str(shards / "examples.json"), manifest)
        description = example_gen.generate_shards(
            "folder:photos", 16, tmp_path / "examples", shards
        )
        assert description == {
            "source": "folder:photos",
            "image_size": 16,
            "classes": 2,
            "train_examples": 7,
            "test_examples": 3,
            "digest": "abc",
        }
        source = example_gen.examples_source(tmp_path / "examples")
        assert source == f"tfrecord:{shards}"

    def test_without_beam(self, folder, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "apache_beam", None)
        with pytest.raises(ValueError, match="requirements/beam.txt"):
            example_gen.generate_shards(
                folder, 16, tmp_path / "examples", tmp_path / "shards"
            )
        assert not (tmp_path / "examples").exists()
