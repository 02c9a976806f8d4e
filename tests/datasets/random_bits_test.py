import numpy as np
import pytest
import tensorflow as tf

from pipeline.datasets import random_bits


def _order(size, epoch, stream=7):
    positions = tf.range(epoch * size, (epoch + 1) * size, dtype=tf.int64)
    return random_bits.shuffled_indices(positions, size, stream).numpy()


def _orders(size, epochs):
    positions = tf.range(size * epochs, dtype=tf.int64)
    drawn = random_bits.shuffled_indices(positions, size, stream=7)
    return drawn.numpy().reshape(epochs, size)


def _mix_in_python(word):
    mask = 2**64 - 1
    word = (word + 0x9E3779B97F4A7C15) & mask
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & mask
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & mask
    return word ^ (word >> 31)


class HashWordsTest:
    def test_value_is_that_of_split_mix_64(self):
        # The first output of the published generator started at 0.
        assert int(random_bits.hash_words(0)) == 0xE220A8397B1DCDAF

    @pytest.mark.parametrize("word", [1, 12345, -1, 2**62])
    def test_words_are_chained(self, word):
        expected = _mix_in_python(_mix_in_python(word % 2**64) ^ 5)
        assert int(random_bits.hash_words(word, 5)) == expected

    def test_order_of_words_matters(self):
        forward = int(random_bits.hash_words(1, 2))
        assert forward != int(random_bits.hash_words(2, 1))


class UniformIntegersTest:
    @pytest.mark.parametrize("offset", [0, 20, 40])
    def test_counts_are_even(self, offset):
        bits = random_bits.hash_words(tf.range(9000))
        drawn = random_bits.uniform_integers(bits, 9, offset).numpy()
        counts = np.bincount(drawn, minlength=9)
        assert len(counts) == 9
        assert abs(counts - 1000).max() < 150  # 5 standard deviations


class ShuffledIndicesTest:
    @pytest.mark.parametrize("size", [1, 2, 3, 10, 129])
    def test_epoch_visits_each_example_once(self, size):
        for epoch in range(5):
            assert sorted(_order(size, epoch)) == list(range(size))

    def test_epochs_never_repeat_their_order(self):
        orders = {tuple(order) for order in _orders(20, 300)}
        assert len(orders) >= 299

    def test_first_example_is_evenly_distributed(self):
        first = _orders(5, 500)[:, 0]
        assert abs(np.bincount(first) - 100).max() < 45  # 5 deviations

    def test_streams_differ(self):
        assert tuple(_order(50, 0)) != tuple(_order(50, 0, stream=8))

    def test_positions_may_straddle_epochs(self):
        both = random_bits.shuffled_indices(
            tf.range(5, 15, dtype=tf.int64), 10, 7
        )
        expected = [*_order(10, 0)[5:], *_order(10, 1)[:5]]
        np.testing.assert_array_equal(both, expected)
