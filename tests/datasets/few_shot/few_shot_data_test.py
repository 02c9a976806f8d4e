"""Parts of a data set, which must not share a class."""

import pytest

from pipeline.datasets.few_shot import few_shot_data
from tests.datasets.few_shot import examples


def _data(train=(0, 1, 2), validation=(3, 4), test=(5, 6)):
    whole = examples.numbered_classes(7, 2)
    parts = (train, validation, test)
    return few_shot_data.FewShotData(*map(whole.select, parts))


class FewShotDataTest:
    def test_train_and_validation_together(self):
        both = _data().train_and_validation()
        assert both.class_names == tuple(f"class {n}" for n in range(5))
        assert sorted(examples.numbers(both.images)) == list(range(10))

    def test_digest_knows_which_part_is_which(self):
        swapped = _data(validation=(5, 6), test=(3, 4))
        assert _data().digest() == _data().digest() != swapped.digest()


class CheckFewShotDataTest:
    def test_usable_data_pass(self):
        few_shot_data.check_few_shot_data(_data(), "x")

    def test_unusable_parts_raise(self):
        with pytest.raises(ValueError, match="2 validation classes(.|\n)*: 1"):
            few_shot_data.check_few_shot_data(_data(validation=(3,)), "x")
        with pytest.raises(ValueError, match="class 1 in train and in test"):
            few_shot_data.check_few_shot_data(_data(test=(1, 6)), "x")
        with pytest.raises(ValueError, match="images of test of x must be"):
            few_shot_data.check_few_shot_data(_data(test=()), "x")
