import numpy as np
import pytest
import requests
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import download_manager
from tensorflow_datasets.core.download import util as download_util

from pipeline.datasets import image_resizing
from pipeline.datasets.sources import memory_need
from pipeline.datasets.sources import tfds_source
from pipeline.datasets.sources.loading import load_images


class _FakeBuilder(tfds.core.GeneratorBasedBuilder):
    """Two classes of images whose features and splits subclasses set."""

    code_path = None
    VERSION = tfds.core.Version("1.0.0")
    FEATURES = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "label": tfds.features.ClassLabel(names=["cat", "dog"]),
        "text": tfds.features.Text(),
    }
    SPLITS = ("train", "test", "validation")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(self.FEATURES),
        )

    def _split_generators(self, dl_manager):
        return {
            name: self._generate_examples(number)
            for number, name in enumerate(self.SPLITS)
        }

    def _generate_examples(self, number):
        for index in range(4):
            image = make_image(number, index)
            example = {"image": image, "label": index % 2, "text": "x"}
            yield index, {key: example[key] for key in self.FEATURES}


class FakeVariedSizes(_FakeBuilder):
    """Images of many sizes; test and validation."""


class FakeValidationOnly(_FakeBuilder):
    """Integer labels without names, validation instead of test."""

    FEATURES = {
        "image": tfds.features.Image(shape=(None, None, 3)),
        "label": tfds.features.Scalar(np.int32),
    }
    SPLITS = ("train", "validation")


class FakeTrainOnly(_FakeBuilder):
    """No test part."""

    SPLITS = ("train",)


class FakeWithoutLabel(_FakeBuilder):
    """No labels."""

    FEATURES = {"image": tfds.features.Image(), "text": tfds.features.Text()}


class FakeManual(_FakeBuilder):
    """Needs files that nobody has put there."""

    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put things.zip there."

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(len(dl_manager.manual_dir))}


def make_image(number, index):
    """A colour image whose size depends on the index."""
    generator = np.random.default_rng([number, index])
    shape = (10 + index, 20 - index, 3)
    return generator.integers(0, 256, shape, np.uint8)


def _load(name, tmp_path, **changes):
    return load_images(
        f"tfds:{name}", image_size=8, data_dir=tmp_path, **changes
    )


class FakeWithIds(_FakeBuilder):
    """Ids that do not sort as TFDS's shuffled keys do."""

    FEATURES = {**_FakeBuilder.FEATURES, "id": tfds.features.Text()}

    def _generate_examples(self, number):
        for index in range(12):
            image = np.full((8, 8, 3), 10 * number + index, np.uint8)
            example = {"image": image, "label": index % 2, "text": "x"}
            yield index, {**example, "id": f"train_{index:03d}"}


class LoadTfdsTest:
    def test_images_of_many_sizes_are_resized(self, tmp_path):
        data = _load("fake_varied_sizes", tmp_path)
        expected = {
            image_resizing.resize_array(make_image(0, i)[None], 8).tobytes()
            for i in range(4)
        }
        assert {image.tobytes() for image in data.train_images} == expected
        assert np.bincount(data.train_labels).tolist() == [2, 2]
        assert data.class_names == ("cat", "dog")

    def test_test_split_wins_over_validation(self, tmp_path):
        data = _load("fake_varied_sizes", tmp_path)
        expected = image_resizing.resize_array(make_image(1, 0)[None], 8)
        assert (data.test_images == expected).all(axis=(1, 2, 3)).any()

    def test_larger_than_memory_is_refused_before_it_is_read(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(memory_need.os, "sysconf", lambda _: 1)
        monkeypatch.setattr(
            tfds_source, "_read_split", lambda *_: pytest.fail("read")
        )
        with pytest.raises(ValueError) as caught:
            _load("fake_varied_sizes", tmp_path)
        assert "Received: 8 images at image_size=8" in str(caught.value)
        command = "--source=tfds:fake_varied_sizes --image_size=8"
        assert command in str(caught.value)

    def test_validation_split_stands_in(self, tmp_path):
        data = _load("fake_validation_only", tmp_path)
        assert len(data.test_images) == 4
        assert data.class_names == ("0", "1")

    def test_prepared_data_are_read_again(self, tmp_path):
        first = _load("digits", tmp_path).digest()
        assert _load("digits:1.0.0", tmp_path).digest() == first

    def test_another_process_may_prepare_it_meanwhile(
        self, tmp_path, monkeypatch
    ):
        """And be faster: TFDS cannot put its own in that place."""
        prepare = tfds.core.DatasetBuilder.download_and_prepare

        def be_late(builder, **options):
            prepare(tfds.builder("digits", data_dir=tmp_path), **options)
            prepared.append(builder)
            raise FileExistsError("Destination already exists")

        prepared = []
        with monkeypatch.context() as patch:
            patch.setattr(
                tfds.core.DatasetBuilder, "download_and_prepare", be_late
            )
            data = _load("digits", tmp_path)
        assert len(prepared) == 1
        assert data.digest() == _load("digits", tmp_path).digest()

    def test_sets_without_a_part_raise(self, tmp_path):
        with pytest.raises(ValueError, match="split train, and.*: train$"):
            _load("fake_train_only", tmp_path)
        with pytest.raises(ValueError, match="label.*Received: image, text"):
            _load("fake_without_label", tmp_path)
        with pytest.raises(FileNotFoundError, match="Put things.zip"):
            _load("fake_manual", tmp_path, manual_dir=tmp_path / "none")

    def test_unknown_names_raise(self, tmp_path):
        with pytest.raises(ValueError, match="mean .*glyphs.*tfds:glyfs"):
            _load("glyfs", tmp_path)
        with pytest.raises(ValueError, match="digits, .*Received: tfds:q0q0q"):
            _load("q0q0q0q0", tmp_path)
        with pytest.raises(ValueError, match="configuration and version"):
            _load("digits/none", tmp_path)

    def test_the_names_of_ours_are_registered(self):
        assert set(tfds_source._OURS) <= set(tfds.list_builders())


class SplitsTest:
    def test_named_splits_are_read(self, tmp_path):
        data = tfds_source.load_tfds(
            "fake_with_ids", 8, tmp_path, None, splits=("test", "validation")
        )
        assert sorted(data.train_images[:, 0, 0, 0]) == list(range(10, 22))
        assert sorted(data.test_images[:, 0, 0, 0]) == list(range(20, 32))

    def test_what_the_set_lacks_is_named(self, tmp_path):
        with pytest.raises(ValueError, match="splits train and extra. Receiv"):
            tfds_source.load_tfds(
                "fake_with_ids", 8, tmp_path, None, splits=("train", "extra")
            )
        with pytest.raises(ValueError, match="and id .a text.. Received: ima"):
            tfds_source.load_tfds(
                "fake_varied_sizes", 8, tmp_path, None, file_order=True
            )

    def test_file_order_undoes_the_shuffle(self, tmp_path):
        shuffled, ordered = (
            tfds_source.load_tfds(
                "fake_with_ids", 8, tmp_path, None, file_order=file_order
            )
            for file_order in (False, True)
        )
        assert ordered.train_images[:, 0, 0, 0].tolist() == list(range(12))
        assert ordered.train_labels.tolist() == [0, 1] * 6
        assert shuffled.train_images[:, 0, 0, 0].tolist() != list(range(12))


class DownloadTest:
    @pytest.mark.parametrize(
        "error",
        [
            requests.exceptions.ConnectionError("no\nroute " + 500 * "x "),
            download_util.DownloadError("HTTP code: 404."),
            download_manager.NonMatchingChecksumError("Artifact is\nwrong"),
        ],
    )
    def test_failing_download_raises_one_line(
        self, tmp_path, monkeypatch, error
    ):
        def fail(*unused):
            raise error

        manager = tfds.download.DownloadManager
        monkeypatch.setattr(manager, "download_and_extract", fail)
        with pytest.raises(FileNotFoundError) as raised:
            _load("stl10", tmp_path)
        message = str(raised.value)
        assert "tfds:stl10 must be prepared already" in message
        assert "`manual_dir`: stl10_binary.tar.gz. Received: " in message
        assert f"{type(error).__name__}: {str(error).split()[0]}" in message
        assert "\n" not in message and len(message) < 600

    def test_missing_package_is_named(self, tmp_path, monkeypatch):
        def fail(*unused):
            missing = ModuleNotFoundError("No module", name="cv2")
            raise ModuleNotFoundError("Failed importing") from missing

        manager = tfds.download.DownloadManager
        monkeypatch.setattr(manager, "download", fail)
        with pytest.raises(FileNotFoundError, match="opencv-python-headless$"):
            _load("caltech_birds2011", tmp_path)

    def test_damaged_manual_download_raises(self, tmp_path):
        (tmp_path / "stl10_binary.tar.gz").write_bytes(b"no archive")
        with pytest.raises(FileNotFoundError, match="stl10.*ChecksumError"):
            _load("stl10", tmp_path, manual_dir=tmp_path)

    def test_error_of_a_set_without_downloads_is_kept(
        self, tmp_path, monkeypatch
    ):
        def fail(*unused):
            raise RuntimeError("a mistake")

        monkeypatch.setattr(FakeVariedSizes, "_generate_examples", fail)
        with pytest.raises(RuntimeError, match="a mistake"):
            _load("fake_varied_sizes", tmp_path)
