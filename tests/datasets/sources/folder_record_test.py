"""A run keeps the cut that it made of a folder."""

import json
import unicodedata

import numpy as np
import pytest
from PIL import Image

from pipeline import datasets
from pipeline.datasets.sources import folder_source

SIZE = 8


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(value).integers(0, 256, (SIZE, SIZE, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture(params=["cut", "split"])
def folder(request, tmp_path):
    """Twenty images of two classes, to be cut or in train/ and test/."""
    for number in range(20):
        part = ""
        if request.param == "split":
            part = "test/" if number < 6 else "train/"
        name = f"{part}{'cat' if number % 2 else 'dog'}/{number:02d}.png"
        write(tmp_path / name, number)
    return tmp_path


def load(folder, **options):
    return datasets.load_images(
        f"folder:{folder}", image_size=SIZE, test_fraction=0.3, **options
    )


def any_image(folder, part, record):
    return folder / next(iter(record[part]))


class NotedTest:
    def test_record_is_json_and_gives_the_same_data(self, folder):
        data = load(folder)
        noted = json.loads(json.dumps(data.record))
        assert noted == data.record
        assert len(noted["train"]) == 14
        assert len(noted["test"]) == 6
        again = load(folder, noted=noted)
        assert again.digest() == data.digest()
        assert again.record == noted

    def test_new_files_are_said_and_not_used(self, folder, warnings):
        data = load(folder)
        for number in range(100, 130):
            part = "train/" if (folder / "train").exists() else ""
            write(folder / f"{part}cat/{number}.png", number)
        again = load(folder, noted=data.record)
        assert again.digest() == data.digest()
        (line,) = warnings
        assert "the run's own cut is used. 0 gone; 30 new (" in line

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_a_changed_file_is_refused(self, folder, part):
        noted = load(folder).record
        write(any_image(folder, part, noted), 999)
        for for_training in (True, False):
            with pytest.raises(ValueError, match="Received: 1 changed") as info:
                load(folder, noted=noted, for_training=for_training)
            assert next(iter(noted[part])) in str(info.value)

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_training_needs_all_and_a_test_does_not(
        self, folder, part, warnings
    ):
        data = load(folder)
        any_image(folder, part, data.record).unlink()
        with pytest.raises(ValueError, match=r"Received: 1 gone \("):
            load(folder, noted=data.record)
        left = load(folder, noted=data.record, for_training=False)
        counts = len(left.train_labels), len(left.test_labels)
        assert counts == ((13, 6) if part == "train" else (14, 5))
        assert "1 gone" in warnings[-1]

    def test_a_renamed_class_is_refused(self, folder):
        noted = load(folder).record
        for old in sorted(folder.rglob("dog")):
            old.rename(old.parent / "ant")  # now before cat
        with pytest.raises(ValueError, match=r"10 gone \(.*; 10 new \("):
            load(folder, noted=noted)

    def test_other_sources_are_compared_as_a_whole(self, tmp_path):
        arrays = {"class_names": np.array(["a", "b"])}
        for part in ("train", "test"):
            arrays[f"{part}_images"] = np.zeros((2, SIZE, SIZE, 3), np.uint8)
            arrays[f"{part}_labels"] = np.arange(2)
        source = f"npz:{tmp_path / 'x.npz'}"
        np.savez(tmp_path / "x.npz", **arrays)
        data = datasets.load_images(source, image_size=SIZE)
        assert data.record == {"digest": data.digest()}
        again = datasets.load_images(source, image_size=SIZE, noted=data.record)
        assert again.digest() == data.digest()
        arrays["train_images"][0, 0, 0, 0] = 1
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(ValueError, match="Received: other images, labels"):
            datasets.load_images(source, image_size=SIZE, noted=data.record)


class RepeatedTest:
    def test_test_images_that_are_trained_on_are_left_out(
        self, folder, warnings
    ):
        if not (folder / "train").exists():
            pytest.skip("needs parts")
        for index, file in enumerate(sorted(folder.rglob("*.png"))):
            Image.open(file).resize((SIZE + index, SIZE)).save(file)
        same = (folder / "train" / "cat" / "07.png").read_bytes()
        for name in ("a.png", "b.png"):
            (folder / "test" / "dog" / name).write_bytes(same)
        (folder / "train" / "dog" / "c.png").write_bytes(same)
        data = load(folder)
        (line,) = warnings
        assert line.endswith(
            "3 images are there more than once (the same bytes), 1 of them "
            "in more than one class; 2 test images are training images too"
        )
        assert len(data.test_labels) == 6
        assert set(data.record["left_out"]) == {
            "test/dog/a.png",
            "test/dog/b.png",
        }
        again = load(folder, noted=data.record)
        assert again.digest() == data.digest()
        assert again.original_size == data.original_size
        assert len(load(folder, keep_repeated=True).test_labels) == 8

    def test_a_test_of_training_images_alone_is_refused(self, tmp_path):
        for name in ("cat", "dog"):
            for part in ("train", "test"):
                write(tmp_path / part / name / "x.png", len(name + name[0]))
        with pytest.raises(ValueError, match="the same images, to the byte"):
            load(tmp_path)


class UnicodeFormTest:
    """Names of folders, composed or not, that look the same."""

    DECOMPOSED = unicodedata.normalize("NFD", "été")

    def write(self, root, form):
        for label, name in enumerate(("cat", "été", "zoo")):
            folder = root / unicodedata.normalize(form, name)
            folder.mkdir(parents=True)
            for index in range(4):
                color = (40 * label + index,) * 3
                image = Image.new("RGB", (SIZE, SIZE), color)
                image.save(folder / f"{index}.png")
        return root

    def test_run_that_noted_another_form_goes_on(self, tmp_path):
        source = f"folder:{self.write(tmp_path, 'NFD')}"
        record = datasets.load_images(source, image_size=SIZE).record
        assert record["classes"] == ["cat", "zoo", "été"]
        earlier = {**record, "classes": ["cat", self.DECOMPOSED, "zoo"]}
        data = datasets.load_images(source, image_size=SIZE, noted=earlier)
        assert data.class_names == ("cat", self.DECOMPOSED, "zoo")
        assert data.record == earlier
        np.testing.assert_array_equal(
            data.train_images[:, 0, 0, 0] // 40, data.train_labels
        )

    @pytest.mark.parametrize(("noted", "now"), [("NFC", "NFD"), ("NFD", "NFC")])
    def test_run_goes_on_where_names_have_another_form(
        self, tmp_path, noted, now, warnings
    ):
        roots = [self.write(tmp_path / form, form) for form in (noted, now)]
        for root, form in zip(roots, (noted, now)):
            file = root / "cat" / "0.png"
            file.rename(file.with_stem(unicodedata.normalize(form, "ü")))
        first, again = (f"folder:{root}" for root in roots)
        data = datasets.load_images(first, image_size=SIZE)
        same = datasets.load_images(
            again, image_size=SIZE, noted=json.loads(json.dumps(data.record))
        )
        assert same.digest() == data.digest()
        assert same.record == data.record
        assert warnings == []

    @pytest.mark.parametrize("own", ["NFC", "NFD"])
    def test_evaluation(self, tmp_path, own):
        folder = self.write(tmp_path, "NFD")
        names = ("cat", unicodedata.normalize(own, "été"), "zoo")
        images, labels, *_ = folder_source.load_whole(
            "folder", folder, SIZE, names
        )
        np.testing.assert_array_equal(images[:, 0, 0, 0] // 40, labels)
