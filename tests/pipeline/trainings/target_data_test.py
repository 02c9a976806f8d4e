"""Data that many runs share are read once."""

import dataclasses

import numpy as np
import pytest

from pipeline import datasets
from pipeline.datasets import last_read
from pipeline.trainings import target_data
from tests.pipeline import smoke


class LastReadTest:
    def test_same_data_are_read_once_in_a_row(self, source):
        sizes = []

        def counted(*place, **options):
            sizes.append(options["image_size"])
            return datasets.load_images(*place, **options)

        read = last_read.LastRead(counted)
        config = smoke.target_config(source)
        larger = smoke.target_config(source, image_size=24)
        first, _ = target_data.load_data(config, read=read)
        again, _ = target_data.load_data(config, read=read)
        other, _ = target_data.load_data(larger, read=read)
        target_data.load_data(config, read=read)
        assert sizes == [16, 24, 16]
        assert again.test_images is first.test_images
        assert other.test_images.shape[1] == 24

    def test_each_run_has_its_own_validation_part(self, source):
        read = last_read.LastRead(datasets.load_images)
        plain = smoke.target_config(source)
        parted = smoke.target_config(source, data__validation_fraction=0.25)
        first, none = target_data.load_data(plain, read=read)
        second, validation = target_data.load_data(parted, read=read)
        assert none is None
        assert len(first.train_labels) == 48
        assert len(second.train_labels) + len(validation[1]) == 48


class ClassesTest:
    def load(self, source, classes):
        config = smoke.target_config(source, data__classes=classes)
        return target_data.load_data(config)[0]

    def test_some_classes_by_name_or_number_in_the_order_of_the_source(
        self, source
    ):
        whole, _ = target_data.load_data(smoke.target_config(source))
        names = whole.class_names
        data = self.load(source, (names[2], names[0]))
        assert data.class_names == (names[0], names[2])
        assert set(data.train_labels) == set(data.test_labels) == {0, 1}
        for label, number in enumerate((0, 2)):
            np.testing.assert_array_equal(
                data.train_images[data.train_labels == label],
                whole.train_images[whole.train_labels == number],
            )
            np.testing.assert_array_equal(
                data.test_images[data.test_labels == label],
                whole.test_images[whole.test_labels == number],
            )
        again = self.load(source, (0, 2))
        assert again.digest() == data.digest() != whole.digest()

    @pytest.mark.parametrize(
        "classes", [(0,), (0, 0), (0, 99), (0, "unknown"), (0, -1)]
    )
    def test_one_or_unknown_or_repeated_classes_are_refused(
        self, source, classes
    ):
        with pytest.raises(
            ValueError, match=r"data\.classes.*by name"
        ) as error:
            self.load(source, classes)
        assert str(classes) in str(error.value)

    @pytest.mark.parametrize("part", ["test", "validation"])
    def test_part_without_images_of_these_classes_is_refused(
        self, source, part
    ):
        def read(*place, **options):
            data = datasets.load_images(*place, **options)
            ones = data.test_images[:2], data.test_labels[:2] * 0
            changes = dict(zip(("test_images", "test_labels"), ones))
            if part == "validation":
                changes = {"validation": ones}
            return dataclasses.replace(data, **changes)

        config = smoke.target_config(source, data__classes=(1, 2))
        with pytest.raises(
            ValueError,
            match=rf"classes=\(1, 2\) must hold at least one {part} image",
        ):
            target_data.load_data(config, read=read)


class PooledTest:
    def config(self, source, **changes):
        return smoke.target_config(
            source, data__pooled=True, data__examples_per_class=5, **changes
        )

    def test_each_seed_trains_on_its_own_draw_and_tests_on_all_others(
        self, source
    ):
        whole, _ = target_data.load_data(smoke.target_config(source))
        everything = _sorted(whole.train_images, whole.test_images)
        drawn = []
        for seed in (0, 1):
            data, _ = target_data.load_data(
                self.config(source, data__seed=seed)
            )
            assert (np.bincount(data.train_labels) == 5).all()
            pool = _sorted(data.train_images, data.test_images)
            assert (pool == everything).all()
            drawn.append(data.train_images)
        assert (drawn[0] != drawn[1]).any()

    def test_too_many_or_too_few_examples_are_refused(self, source):
        for count in (0, 1_000):
            config = self.config(source)
            config.data.examples_per_class = count
            with pytest.raises(ValueError, match="examples_per_class"):
                target_data.load_data(config)


def _sorted(*images):
    rows = np.concatenate(images).reshape(sum(map(len, images)), -1)
    return rows[np.lexsort(rows.T)]
