"""Classes for training, validation and the test."""

import numpy as np
import pytest

from pipeline.datasets.few_shot import class_cuts
from tests.datasets.few_shot import examples


class CutClassesTest:
    def test_every_class_is_in_one_part(self):
        whole = examples.numbered_classes(20, 3)
        cut = class_cuts.cut_classes(whole, seed=0)
        parts = (cut.train, cut.validation, cut.test)
        assert [part.classes for part in parts] == [12, 4, 4]
        names = [name for part in parts for name in part.class_names]
        assert sorted(names) == sorted(whole.class_names)
        images = [examples.numbers(part.images) for part in parts]
        assert sorted(np.concatenate(images)) == list(range(60))

    def test_seed_decides(self):
        whole = examples.numbered_classes(20, 1)
        digests = [
            class_cuts.cut_classes(whole, seed).digest() for seed in (0, 0, 1)
        ]
        assert digests[0] == digests[1] != digests[2]

    def test_small_parts_have_two_classes(self):
        cut = class_cuts.cut_classes(examples.numbered_classes(6, 1), seed=0)
        parts = (cut.train, cut.validation, cut.test)
        assert [part.classes for part in parts] == [2, 2, 2]

    def test_few_classes_raise(self):
        with pytest.raises(ValueError, match="at least 6(.|\n)*5 classes"):
            class_cuts.cut_classes(examples.numbered_classes(5, 1), seed=0)


class HoldOutClassesTest:
    def test_share_is_of_the_classes(self):
        whole = examples.numbered_classes(30, 2)
        kept, held = class_cuts.hold_out_classes(whole, 0.1, seed=0)
        assert (kept.classes, held.classes) == (27, 3)
        assert not set(kept.class_names) & set(held.class_names)
        assert len(held.images) == 6

    def test_few_classes_raise(self):
        whole = examples.numbered_classes(3, 1)
        with pytest.raises(ValueError, match="at least 4 classes"):
            class_cuts.hold_out_classes(whole, 0.1, seed=0)
