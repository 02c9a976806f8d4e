import numpy as np
import pytest

from pipeline.datasets import stratified
from pipeline.datasets.stratified import hold_out


class HoldOutTest:
    def test_parts_are_stratified_and_complete(self, numbered_data):
        images, labels = numbered_data
        kept, kept_labels, held, held_labels = hold_out(images, labels, 0.3, 0)
        assert np.bincount(kept_labels).tolist() == [7] * 6
        assert np.bincount(held_labels).tolist() == [3] * 6
        numbers = np.concatenate([kept[:, 0, 0, 0], held[:, 0, 0, 0]])
        assert sorted(numbers) == list(range(60))
        np.testing.assert_array_equal(kept[:, 0, 0, 0] % 6, kept_labels)
        np.testing.assert_array_equal(held[:, 0, 0, 0] % 6, held_labels)

    def test_seed_decides(self, numbered_data):
        first = hold_out(*numbered_data, 0.5, 0)[2]
        np.testing.assert_array_equal(
            first, hold_out(*numbered_data, 0.5, 0)[2]
        )
        assert (first != hold_out(*numbered_data, 0.5, 1)[2]).any()

    @pytest.mark.parametrize(("fraction", "held"), [(0.01, 1), (0.99, 9)])
    def test_each_part_gets_one_of_each_class(
        self, numbered_data, fraction, held
    ):
        labels = hold_out(*numbered_data, fraction, 0)[3]
        assert np.bincount(labels).tolist() == [held] * 6

    @pytest.mark.parametrize("fraction", [0, 1.0, -0.1, "half", None])
    def test_wrong_fraction_raises(self, numbered_data, fraction):
        with pytest.raises(ValueError, match="`fraction` must be a number"):
            hold_out(*numbered_data, fraction, 0)

    def test_single_example_raises(self, numbered_data):
        images, labels = numbered_data
        with pytest.raises(ValueError, match="1 example of class 2"):
            hold_out(images[:8], labels[:8], 0.5, 0)


class BalancedSubsetTest:
    def test_each_class_gives_as_many(self):
        labels = np.array([0] * 5 + [1] * 9)
        chosen = stratified.balanced_subset(labels, 4, 0)
        assert np.bincount(labels[chosen]).tolist() == [4, 4]
        assert len(set(chosen)) == 8
        assert (np.diff(chosen) > 0).all()

    def test_too_many_raise(self):
        with pytest.raises(ValueError, match="class 0 has 5.*per_class=6"):
            stratified.balanced_subset(np.array([0] * 5 + [1] * 9), 6, 0)


class FirstPerClassTest:
    def test_first_of_each_class_keep_their_order(self):
        labels = np.array([2, 0, 2, 1, 2, 1, 0, 0, 1])
        chosen = stratified.first_per_class(labels, 2)
        assert chosen.tolist() == [0, 1, 2, 3, 5, 6]

    def test_wrong_counts_raise(self):
        with pytest.raises(ValueError, match="class 1 has 2.*count=3"):
            stratified.first_per_class(np.array([0, 1, 0, 1, 0]), 3)
        with pytest.raises(ValueError, match="Received: count=0"):
            stratified.first_per_class(np.array([0, 1]), 0)
