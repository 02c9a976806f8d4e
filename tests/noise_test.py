"""The expectation of the noise against quadrature with many nodes."""

import numpy as np

from mp_keras import noise


class ExpectedSoftplusTest:
    def test_within_0_3_percent_for_means_up_to_4(self):
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        weights /= np.sum(weights)
        means = np.linspace(-4, 4, 33)
        exact = np.logaddexp(0, means[:, None] + nodes) @ weights
        actual = noise.expected_softplus(means.astype("float32"))
        np.testing.assert_allclose(actual, exact, rtol=3.1e-3)

    def test_is_the_mean_of_the_samples(self):
        draws = np.random.default_rng(0).normal(size=200_000)
        mean = np.full_like(draws, -0.7)
        samples = noise.softplus_noise(mean, draws)
        expected = noise.expected_softplus(mean[0])
        assert abs(np.mean(samples) / expected - 1) < 5e-3
