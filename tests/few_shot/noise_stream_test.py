"""Noise that a seed alone decides."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from mp_keras.few_shot import noise_stream

SEED = tf.constant([1, 2])


class NoiseStreamTest:
    def test_same_seed_draws_the_same_and_others_differ(self):
        first, again, other = (
            noise_stream.NoiseStream(seed).normal((50,))
            for seed in (SEED, SEED, [1, 3])
        )
        np.testing.assert_array_equal(first, again)
        assert not np.any(np.isin(first, other))

    def test_draws_and_forks_differ(self):
        stream = noise_stream.NoiseStream(SEED)
        draws = [stream.normal((50,)) for _ in range(2)]
        draws += [stream.fork(number).normal((50,)) for number in range(2)]
        draws.append(stream.fork(0).fork(0).normal((50,)))
        assert len(np.unique(np.concatenate(draws))) == 250

    def test_fork_does_not_depend_on_the_draws_before(self):
        fresh, used = (noise_stream.NoiseStream(SEED) for _ in range(2))
        used.normal((3,))
        np.testing.assert_array_equal(
            fresh.fork(4).normal((9,)), used.fork(4).normal((9,))
        )

    def test_normal_numbers(self):
        draws = noise_stream.NoiseStream(SEED).normal((5000,))
        assert stats.kstest(draws, "norm").pvalue > 0.01

    @pytest.mark.parametrize("gamma", [0.2, 1.0, 2.0])
    def test_beta_numbers(self, gamma):
        draws = noise_stream.NoiseStream(SEED).beta((5000,), gamma)
        assert stats.kstest(draws, stats.beta(gamma, gamma).cdf).pvalue > 0.01

    def test_permutations(self):
        rows = noise_stream.NoiseStream(SEED).permutations(200, 4).numpy()
        np.testing.assert_array_equal(np.sort(rows, axis=1), [range(4)] * 200)
        assert len(np.unique(rows, axis=0)) == 24
