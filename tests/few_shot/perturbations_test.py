"""The rivals of Meta Dropout in the inner steps, each by hand."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from mp_keras.few_shot import adversarial_support
from mp_keras.few_shot import forward_pass
from mp_keras.few_shot import gaussian_noise
from mp_keras.few_shot import information_bottleneck
from mp_keras.few_shot import inner_information_dropout
from mp_keras.few_shot import inner_mixup
from mp_keras.few_shot import noise_stream
from mp_keras.few_shot import weight_noise
from tests.few_shot import tasks

RIVALS = {
    "fixed": gaussian_noise.GaussianNoise(learned=False),
    "independent": gaussian_noise.GaussianNoise(learned=True),
    "weight": weight_noise.WeightNoise(),
    "mixup": inner_mixup.InnerMixup(1.0),
    "bottleneck": information_bottleneck.InformationBottleneck(1e-3),
    "dropout": inner_information_dropout.InnerInformationDropout(1e-3),
    "adversarial": adversarial_support.AdversarialSupport(0.1),
}


def sampled_state(learner, samples=1, targets=None):
    stream = noise_stream.NoiseStream(tasks.SEED)
    return forward_pass.ForwardPass(learner.values(), stream, samples, targets)


class QueryPassTest:
    @pytest.mark.parametrize(
        "name", ["weight", "mixup", "bottleneck", "dropout", "adversarial"]
    )
    def test_is_that_of_the_plain_network(self, name):
        rival = tasks.make_learner(RIVALS[name], spread=0.5)
        plain = tasks.make_learner()
        for key, weight in zip(plain.specs, plain.weights):
            weight.assign(rival.values()[key])
        images = tasks.make_task()[0]
        np.testing.assert_array_equal(
            rival.logits(rival.values(), images),
            plain.logits(plain.values(), images),
        )

    @pytest.mark.parametrize("name", RIVALS)
    def test_adapts_with_several_samples_and_repeats(self, name):
        learner = tasks.make_learner(RIVALS[name], spread=0.5)
        support, labels, *_ = tasks.make_task()
        values = learner.values()
        first, again, other = (
            learner.adapt(values, support, labels, seed, samples=3)[0][
                "block_0/kernel"
            ]
            for seed in ([0, 1], [0, 1], [9, 1])
        )
        np.testing.assert_array_equal(first, again)
        drawn = RIVALS[name].STOCHASTIC
        assert np.any(first != other) == drawn
        assert np.all(np.isfinite(first))
        assert np.any(first != values["block_0/kernel"])

    @pytest.mark.parametrize("name", ["fixed", "independent", "weight"])
    def test_many_samples_have_less_scatter(self, name):
        learner = tasks.make_learner(
            RIVALS[name], spread=0.5, inner_steps=1, inner_rate=1.0
        )
        support, labels, *_ = tasks.make_task()

        def scatter(samples):
            found = [
                learner.adapt(
                    learner.values(), support, labels, [seed, 0], samples
                )[0]["logits/kernel"]
                for seed in range(4)
            ]
            return np.std(found, axis=0).mean()

        assert scatter(8) < 0.6 * scatter(1)


class GaussianNoiseTest:
    def test_mean_of_each_channel(self):
        learner = tasks.make_learner(RIVALS["independent"], spread=0.5)
        features = tf.ones((2, 4, 4, 4))
        state = sampled_state(learner)
        found = RIVALS["independent"].features(0, features, features, state)
        draws = noise_stream.NoiseStream(tasks.SEED).normal((2, 4, 4, 4))
        mean = learner.values()["block_0/noise_mean"]
        expected = special.softplus(mean.numpy() + draws.numpy())
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_fixed_noise_learns_nothing(self):
        plain = tasks.make_network().specs
        assert tasks.make_network(RIVALS["fixed"]).specs == plain


class WeightNoiseTest:
    def test_weights_are_drawn_around_themselves(self):
        learner = tasks.make_learner(RIVALS["weight"], spread=0.5)
        values = learner.values()
        drawn = RIVALS["weight"].weights(sampled_state(learner))
        for name in learner.network.names("adapted"):
            spread = special.softplus(values[f"{name}_deviation"].numpy())
            standard = (drawn[name] - values[name]) / spread
            assert np.abs(standard).max() < 5
            assert np.any(standard != 0)
        for index in range(4):
            name = f"block_{index}/offset"
            np.testing.assert_array_equal(drawn[name], values[name])


class InnerMixupTest:
    def mixed(self, samples=2):
        perturbation = RIVALS["mixup"]
        learner = tasks.make_learner(perturbation)
        images, labels, *_ = tasks.make_task()
        targets = tf.tile(tf.one_hot(labels, 3), (samples, 1))
        places = {}
        for seed in range(40):
            state = forward_pass.ForwardPass(
                learner.values(),
                noise_stream.NoiseStream([seed, 0]),
                samples,
                targets,
            )
            learner.network.forward(images, state)
            places.setdefault(int(state.mixed_place), state)
        return images, targets, places

    def test_every_place_is_drawn_and_labels_are_mixed_once(self):
        _, targets, places = self.mixed()
        assert set(places) == set(range(5))
        for state in places.values():
            share = state.mixed_share.numpy()[:, None]
            partners = state.mixed_with.numpy()
            expected = share * targets + (1 - share) * targets.numpy()[partners]
            np.testing.assert_allclose(state.targets, expected, atol=1e-6)

    def test_pairs_stay_in_their_sample(self):
        _, targets, places = self.mixed()
        half = len(targets) // 2
        for state in places.values():
            partners = state.mixed_with.numpy()
            assert set(partners[:half]) == set(range(half))
            assert set(partners[half:]) == set(range(half, 2 * half))
            first, second = state.mixed_share[:half], state.mixed_share[half:]
            assert len(np.unique(first)) == len(np.unique(second)) == 1
            assert first[0] != second[0]

    def test_images_are_mixed_at_place_zero_alone(self):
        images, _, places = self.mixed(samples=1)
        for place, state in places.items():
            learner = tasks.make_learner(RIVALS["mixup"])
            fresh = forward_pass.ForwardPass(
                learner.values(), state.stream, 1, state.targets
            )
            fresh.mixed_place = state.mixed_place
            share = state.mixed_share.numpy().reshape(-1, 1, 1, 1)
            partners = state.mixed_with.numpy()
            expected = images
            if place == 0:
                mixed = (1 - share) * images.numpy()[partners]
                expected = share * images + mixed
            RIVALS["mixup"]._begin = lambda *_: None
            try:
                fresh.mixed_share = state.mixed_share
                fresh.mixed_with = state.mixed_with
                found = RIVALS["mixup"].block_inputs(0, images, fresh)
            finally:
                del RIVALS["mixup"]._begin
            np.testing.assert_allclose(found, expected, atol=1e-6)


class PenaltyTest:
    def test_bottleneck_has_the_divergence_of_gaussians(self):
        perturbation = information_bottleneck.InformationBottleneck(0.5)
        learner = tasks.make_learner(perturbation, spread=0.5)
        state = sampled_state(learner)
        features = np.array([[0.3, -1.0, 0.0, 2.0]])
        perturbation.block_inputs(4, tf.constant(features, "float32"), state)
        values = learner.values()
        response = features @ values["logits/deviation_kernel"].numpy()
        bias = values["logits/deviation_bias"].numpy()
        deviation = special.softplus(response + bias)
        grid = np.linspace(-30, 30, 60_001)[:, None]
        density = np.exp(-(((grid - features) / deviation) ** 2) / 2)
        density /= deviation * np.sqrt(2 * np.pi)
        prior = -(grid**2) / 2 - np.log(np.sqrt(2 * np.pi))
        logs = np.log(np.maximum(density, 1e-300))
        expected = np.trapezoid(density * (logs - prior), grid, axis=0).sum()
        assert float(state.penalty) == pytest.approx(0.5 * expected, rel=1e-3)

    def test_bottleneck_of_hardly_any_noise_stays_finite(self):
        """softplus(-1000) is 0 in float32, and its logarithm infinite."""
        perturbation = information_bottleneck.InformationBottleneck(0.5)
        learner = tasks.make_learner(perturbation, spread=0.0)
        values = learner.values()
        bias = tf.fill(values["logits/deviation_bias"].shape, -1000.0)
        values["logits/deviation_bias"] = bias
        stream = noise_stream.NoiseStream(tasks.SEED)
        with tf.GradientTape() as tape:
            tape.watch(bias)
            state = forward_pass.ForwardPass(values, stream)
            perturbation.block_inputs(4, tf.ones((2, len(bias))), state)
        expected = 0.5 * len(bias) * -np.log(1e-30)
        assert float(state.penalty) == pytest.approx(expected, rel=1e-4)
        np.testing.assert_array_equal(tape.gradient(state.penalty, bias), 0)

    def test_information_dropout_counts_positive_features(self):
        perturbation = inner_information_dropout.InnerInformationDropout(0.5)
        learner = tasks.make_learner(perturbation, spread=0.5)
        state = sampled_state(learner)
        images = tasks.make_task()[0]
        rng = np.random.default_rng(1)
        features = rng.normal(size=(6, 16, 16, 4)).astype("float32")
        perturbation.normed(0, images, tf.constant(features), state)
        values = learner.values()
        kernel = values["block_0/alpha_kernel"]
        response = tf.nn.conv2d(images, kernel, 1, "SAME")
        response += values["block_0/alpha_bias"]
        part = 1e-3 + (1 - 1e-3) * special.expit(response.numpy())
        nats = (-np.log(part) * (features > 0)).sum((1, 2, 3)).mean()
        assert float(state.penalty) == pytest.approx(0.5 * nats, rel=1e-4)

    def test_information_dropout_acts_behind_batch_norm(self):
        """Where a positive factor leaves what the ReLU lets pass."""
        perturbation = inner_information_dropout.InnerInformationDropout(0.5)
        learner = tasks.make_learner(perturbation, spread=0.5)
        state = sampled_state(learner)
        images = tasks.make_task()[0]
        (_, noisy), *_ = learner.network.stages(images, state)
        clean = forward_pass.ForwardPass(learner.values())
        (_, plain), *_ = learner.network.stages(images, clean)
        assert np.max(np.abs(noisy - plain)) > 1e-2
        np.testing.assert_array_equal(noisy > 0, plain > 0)

    def test_own_weights_are_adapted(self):
        for name in ("bottleneck", "dropout"):
            learner = tasks.make_learner(RIVALS[name], spread=0.5)
            support, labels, *_ = tasks.make_task()
            values = learner.values()
            adapted, _ = learner.adapt(values, support, labels, [0, 0])
            own = set(values) - set(tasks.make_network().specs)
            for key in own:
                assert np.any(adapted[key] != values[key]), key


class AdversarialSupportTest:
    def test_images_are_harder_and_near(self):
        learner = tasks.make_learner(RIVALS["adversarial"], spread=0.5)
        support, labels, *_ = tasks.make_task()
        values = learner.values()
        given = learner._support_images(values, support, labels)
        assert np.abs(given - support).max() <= 0.1 + 1e-6
        assert 0 <= np.min(given) and np.max(given) <= 1
        before, _ = learner.query_loss(values, support, labels)
        after, _ = learner.query_loss(values, given, labels)
        assert float(after) > float(before)

    @pytest.mark.parametrize(
        ("make", "name"),
        [
            (adversarial_support.AdversarialSupport, "epsilon"),
            (information_bottleneck.InformationBottleneck, "beta"),
            (inner_information_dropout.InnerInformationDropout, "beta"),
            (inner_mixup.InnerMixup, "gamma"),
        ],
    )
    def test_wrong_number(self, make, name):
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            make(-1.0)
