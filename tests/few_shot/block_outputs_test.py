"""Outputs of the blocks, with noise and without."""

import numpy as np
import pytest
import tensorflow as tf

from mp_keras.few_shot import block_outputs
from mp_keras.few_shot import forward_pass
from mp_keras.few_shot import gaussian_noise
from mp_keras.few_shot import inner_mixup
from mp_keras.few_shot import meta_dropout
from mp_keras.few_shot import weight_noise
from tests.few_shot import tasks

pytestmark = pytest.mark.usefixtures("eagerly")

IMAGES = tasks.make_task()[0]


class CleanOutputsTest:
    def test_ends_in_the_logits_of_the_query_pass(self):
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        outputs = block_outputs.clean_outputs(
            learner.network, learner.values(), IMAGES
        )
        shapes = [tuple(each.shape) for each in outputs]
        assert shapes == [
            (6, 8, 8, 4),
            (6, 4, 4, 4),
            (6, 2, 2, 4),
            (6, 1, 1, 4),
            (6, 4),
            (6, 3),
        ]
        expected = learner.logits(learner.values(), IMAGES)
        np.testing.assert_array_equal(outputs[-1], expected)
        np.testing.assert_array_equal(
            outputs[-2], tf.reshape(outputs[3], (6, 4))
        )


class NoisyOutputsTest:
    @pytest.mark.parametrize(
        "perturbation",
        [
            meta_dropout.MetaDropout(),
            weight_noise.WeightNoise(),
            inner_mixup.InnerMixup(1.0),
        ],
        ids=lambda perturbation: type(perturbation).__name__,
    )
    def test_copies_differ_and_the_seed_repeats_them(self, perturbation):
        learner = tasks.make_learner(perturbation, spread=0.5)

        def run(seed):
            return block_outputs.noisy_outputs(
                learner.network, learner.values(), IMAGES, seed, 3
            )

        first, again, other = run((1, 2)), run((1, 2)), run((1, 3))
        for one, same, another in zip(first, again, other):
            assert one.shape[:2] == (3, 6)
            np.testing.assert_array_equal(one, same)
            assert one.shape == another.shape
        # Mixup may leave the first blocks alone.
        assert not np.allclose(first[-1], other[-1])
        assert not np.allclose(first[-1][0], first[-1][1])

    def test_copies_of_no_noise_are_the_clean_pass(self):
        learner = tasks.make_learner(spread=0.5)
        arguments = learner.network, learner.values(), IMAGES
        clean = block_outputs.clean_outputs(*arguments)
        noisy = block_outputs.noisy_outputs(*arguments, (0, 0), 2)
        for one, two in zip(clean, noisy):
            for copy in two:
                np.testing.assert_allclose(copy, one, atol=1e-5)

    def test_no_copy(self):
        learner = tasks.make_learner()
        with pytest.raises(ValueError, match="`copies`.*copies=0"):
            block_outputs.noisy_outputs(learner.network, {}, IMAGES, (0, 0), 0)


class NoiseSharesTest:
    def test_is_the_deviation_by_the_size(self):
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        arguments = learner.network, learner.values(), IMAGES, (1, 2)
        shares = block_outputs.noise_shares(*arguments, copies=3)
        *blocks, _, logits = block_outputs.noisy_outputs(*arguments, 3)
        for share, outputs in zip(shares, [*blocks, logits], strict=True):
            outputs = outputs.numpy()
            square = np.square(outputs - outputs.mean(0)).sum()
            expected = np.sqrt(square / np.square(outputs).sum())
            assert float(share) == pytest.approx(expected, rel=1e-4)
            assert 0.01 < expected < 1

    def test_is_nothing_without_noise(self):
        learner = tasks.make_learner(spread=0.5)
        shares = block_outputs.noise_shares(
            learner.network, learner.values(), IMAGES, (1, 2)
        )
        np.testing.assert_allclose(shares, np.zeros(5), atol=1e-5)


class WithoutPerturbationTest:
    def test_is_the_network_alone(self):
        perturbed = tasks.make_learner(gaussian_noise.GaussianNoise(True), 0.5)
        plain = block_outputs.without_perturbation(perturbed.network)
        values = perturbed.values()
        expected = tasks.make_network().forward(
            IMAGES, forward_pass.ForwardPass(values)
        )
        outputs = block_outputs.clean_outputs(plain, values, IMAGES)
        np.testing.assert_array_equal(outputs[-1], expected)
        assert not np.allclose(
            outputs[-1], perturbed.logits(values, IMAGES), atol=1e-3
        )
