import pytest
import tensorflow_datasets as tfds

from pipeline.datasets.sources import catalogue

# Appendix C.1 and C.2 (stl10: 10 classes of 500 and 800): training and test
# images and pixels. SVHN as TFDS and the authors' code name its splits;
# CIFAR-10 and Fashion-MNIST from their own papers.
_SIZES = {
    "tiny_imagenet": (200 * 500, 200 * 50, 32),
    "stl10": (10 * 500, 10 * 800, 32),
    "cifar100": (100 * 500, 100 * 100, 32),
    "s_cifar100": (5000, 100 * 100, 32),
    "dogs": (12000, 20580 - 12000, 84),
    "cars": (8144, 16185 - 8144, 84),
    "aircraft": (6667, 3333, 84),
    "cub": (5994, 5794, 84),
    "svhn": (73257, 26032, 32),
    "small_svhn": (5000, 26032, 32),
    "cifar10": (10 * 5000, 10 * 1000, 32),
    "fashion_mnist": (10 * 6000, 10 * 1000, 32),
}
_CLASSES = (200, 10, 100, 100, 120, 196, 100, 200, 10, 10, 10, 10)


class EntryTest:
    def test_sizes_are_those_of_the_paper(self):
        sizes = {}
        for name in catalogue.names():
            entry = catalogue.entry(name)
            train, test = entry.train_examples, entry.test_examples
            sizes[name] = train, test, entry.image_size
        assert sizes == _SIZES

    def test_classes_are_those_of_the_paper(self):
        entries = [catalogue.entry(name) for name in _SIZES]
        assert tuple(entry.classes for entry in entries) == _CLASSES

    def test_first_per_class_gives_the_training_images(self):
        for name, count in (("s_cifar100", 50), ("small_svhn", 500)):
            entry = catalogue.entry(name)
            assert entry.first_per_class == count
            assert entry.classes * count == entry.train_examples

    @pytest.mark.parametrize("name", catalogue.names())
    def test_builder_has_as_many_classes(self, name, tmp_path):
        entry = catalogue.entry(name)
        builder = tfds.builder(entry.tfds_name, data_dir=tmp_path)
        known = builder.info.features["label"].num_classes
        assert known in (None, entry.classes)  # None: named when it is read
        manual = builder.MANUAL_DOWNLOAD_INSTRUCTIONS is not None
        assert (known is None) == manual
        if entry.first_per_class:
            assert "id" in builder.info.features

    def test_every_entry_states_its_terms_and_flips(self):
        entries = [catalogue.entry(name) for name in catalogue.names()]
        entries += map(catalogue.subset_entry, catalogue.subset_names())
        assert all(len(entry.terms) >= 3 for entry in entries)

    def test_unknown_name_lists_all_and_the_closest(self):
        message = "tiny_imagenet, stl10.*mean aircraft.* Received: 'aircrafts'"
        with pytest.raises(ValueError, match=message):
            catalogue.entry("aircrafts")
        with pytest.raises(ValueError, match="fashion_mnist. Received: None"):
            catalogue.entry(None)


class SubsetEntryTest:
    def test_names_and_sizes(self):
        sizes = {
            name: catalogue.subset_entry(name).image_size
            for name in catalogue.subset_names()
        }
        small = {"cifar10": 32, "fashion_mnist": 32}
        assert sizes == {**small, "dogs": 84, "cars": 84, "cub2010": 84}

    def test_unknown_name_lists_all_and_the_closest(self):
        with pytest.raises(ValueError, match="subset: .*mean cub2010.*'cub'"):
            catalogue.subset_entry("cub")
