"""Meta Dropout's noise: by hand, a whole task, as MAML, and its variants."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from mp_keras import noise
from mp_keras.few_shot import forward_pass
from mp_keras.few_shot import meta_dropout
from mp_keras.few_shot import noise_stream
from tests.few_shot import tasks


def state_of(learner, sampled):
    stream = noise_stream.NoiseStream(tasks.SEED) if sampled else None
    return forward_pass.ForwardPass(learner.values(), stream)


def convolve(images, kernel, bias):
    """3x3, "same", in NumPy."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = images.shape[1:3]
    total = np.zeros((*images.shape[:3], kernel.shape[-1])) + bias
    for row in range(3):
        for column in range(3):
            part = padded[:, row : row + height, column : column + width]
            total += part @ kernel[row, column]
    return total


class FeaturesTest:
    @pytest.mark.parametrize("sampled", [False, True])
    @pytest.mark.parametrize(
        ("transform", "function"),
        [("softplus", lambda a: np.log1p(np.exp(a))), ("exponential", np.exp)],
    )
    def test_first_block_by_hand(self, sampled, transform, function):
        """Equations (5) and (6), before batch norm."""
        perturbation = meta_dropout.MetaDropout(transform)
        learner = tasks.make_learner(perturbation, spread=0.5)
        values = {k: v.numpy() for k, v in learner.values().items()}
        images = tasks.make_task()[0]
        state = state_of(learner, sampled)
        actual = learner.network.stages(images, state)[0][0]
        plain, mean = (
            convolve(
                images.numpy(),
                values[f"block_0/{part}kernel"],
                values[f"block_0/{part}bias"],
            )
            for part in ("", "noise_")
        )
        draws = 0.0
        if sampled:
            stream = noise_stream.NoiseStream(tasks.SEED)
            draws = stream.normal(mean.shape).numpy()
        expected = plain * function(mean + draws)
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        ("bias_of", "part"), [("block_0", 0), ("logits", -1)]
    )
    def test_learned_deviation_widens_the_noise(self, bias_of, part):
        perturbation = meta_dropout.MetaDropout(
            logits="multiplicative", learned_deviation=True
        )
        learner = tasks.make_learner(perturbation, spread=0.5)
        images = tasks.make_task()[0]
        spreads = []
        for bias in (-20.0, 5.0):
            for name, weight in zip(learner.specs, learner.weights):
                if name.endswith("deviation_bias"):
                    own = name.startswith(bias_of)
                    value = bias if own else -20.0  # no noise elsewhere
                    weight.assign(tf.fill(weight.shape, value))
                elif name.endswith("deviation_kernel"):
                    weight.assign(0 * weight)
            noisy, mean = (
                learner.network.stages(images, state_of(learner, sampled))[part]
                for sampled in (True, False)
            )
            if part == 0:
                noisy, mean = noisy[0], mean[0]
            spreads.append(float(tf.reduce_max(tf.abs(noisy - mean))))
        assert spreads[0] < 1e-3 < 1 < spreads[1]

    def test_deviation_scales_the_draws(self):
        images = tasks.make_task()[0]
        changes = []
        for deviation in (0.01, 0.02):
            perturbation = meta_dropout.MetaDropout(
                "exponential", deviation=deviation
            )
            learner = tasks.make_learner(perturbation, spread=0.5)
            noisy, mean = (
                learner.network.stages(images, state_of(learner, sampled))[0][0]
                for sampled in (True, False)
            )
            changes.append(np.log(noisy / mean))
        np.testing.assert_allclose(2 * changes[0], changes[1], atol=1e-4)


class LogitsTest:
    def outputs(self, logits, sampled):
        perturbation = meta_dropout.MetaDropout(logits=logits)
        learner = tasks.make_learner(perturbation, spread=0.5)
        values = {k: v.numpy() for k, v in learner.values().items()}
        state = state_of(learner, sampled)
        *_, flat, found = learner.network.stages(tasks.make_task()[0], state)
        plain = flat.numpy() @ values["logits/kernel"] + values["logits/bias"]
        mapped = 0.0
        if logits != "none":
            mapped = flat.numpy() @ values["logits/noise_kernel"]
            mapped = mapped + values["logits/noise_bias"]
        return found.numpy(), plain, mapped

    def test_additive_noise_has_one_deviation_an_example(self):
        found, plain, mapped = self.outputs("additive", True)
        assert mapped.shape == (len(plain), 1)
        draws = (found - plain) / special.softplus(mapped)
        assert 0.5 < draws.std() < 1.5
        assert len(np.unique(draws)) == draws.size

    def test_additive_noise_is_none_in_the_query_pass(self):
        found, plain, _ = self.outputs("additive", False)
        np.testing.assert_allclose(found, plain, rtol=1e-5)

    def test_multiplicative_query_pass(self):
        found, plain, mapped = self.outputs("multiplicative", False)
        expected = plain * special.softplus(mapped)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)

    def test_none(self):
        found, plain, _ = self.outputs("none", True)
        np.testing.assert_allclose(found, plain, rtol=1e-5)


def reference_logits(theta, phi, offsets, images, draws=None):
    """The network with additive noise on its logits, of Keras' operations.

    Args:
        theta, phi: Lists of (kernel, bias): four convolutions, a dense map.
        offsets: List of four vectors, of batch norm.
        draws: List of five normal tensors, or None: the query pass.
    """
    hidden = images
    for block in range(4):
        features, mean = (
            keras.ops.conv(hidden, kernel, padding="same") + bias
            for kernel, bias in (theta[block], phi[block])
        )
        noise_input = mean if draws is None else mean + draws[block]
        features = features * tf.math.log(1 + tf.exp(noise_input))
        mean = tf.reduce_mean(features, (0, 1, 2))
        variance = tf.reduce_mean((features - mean) ** 2, (0, 1, 2))
        normed = (features - mean) / tf.sqrt(variance + 1e-3)
        active = keras.ops.relu(normed + offsets[block])
        hidden = keras.ops.max_pool(active, 2)
    flat = keras.ops.reshape(hidden, (len(images), -1))
    (kernel, bias), (noise_kernel, noise_bias) = theta[4], phi[4]
    logits = tf.linalg.matmul(flat, kernel) + bias
    if draws is None:
        return logits
    spread = tf.linalg.matmul(flat, noise_kernel) + noise_bias  # (examples, 1)
    return logits + tf.math.log(1 + tf.exp(spread)) * draws[4]


def reference_loss(values, task, draws, rate):
    """The query loss of one task after an inner step for each of `draws`."""
    theta, phi = (
        [
            [values[f"{place}/{part}{kind}"] for kind in ("kernel", "bias")]
            for place in [*(f"block_{i}" for i in range(4)), "logits"]
        ]
        for part in ("", "noise_")
    )
    offsets = [values[f"block_{block}/offset"] for block in range(4)]
    support, labels, query, answers = task

    def loss(theta, images, labels, own=None):
        logits = reference_logits(theta, phi, offsets, images, own)
        right = tf.gather(logits, labels, batch_dims=1)
        return tf.reduce_mean(tf.reduce_logsumexp(logits, axis=1) - right)

    for own in draws:
        with tf.GradientTape() as tape:
            tape.watch(theta)
            inner = loss(theta, support, labels, own)
        theta = tf.nest.map_structure(
            lambda weight, gradient: weight - rate * gradient,
            theta,
            tape.gradient(inner, theta),
        )
    return loss(theta, query, answers)


class WholeTaskTest:
    def test_default_equals_the_reference(self):
        """Loss and gradients of the outer loop, with the same draws."""
        learner = tasks.make_learner(
            meta_dropout.MetaDropout(), spread=0.3, dtype="float64"
        )
        task = tasks.make_task(dtype="float64")
        stream = noise_stream.NoiseStream(tasks.SEED, "float64")
        draws = []
        for step in range(learner.inner_steps):
            own = stream.fork(step)
            shapes = [(6, size, size, 4) for size in (16, 8, 4, 2)]
            draws.append([own.normal(shape) for shape in (*shapes, (6, 3))])
        values = learner.values()
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(values)
            adapted, _ = learner.adapt(values, *task[:2], tasks.SEED)
            loss, _ = learner.query_loss(adapted, *task[2:])
            expected = reference_loss(values, task, draws, learner.inner_rate)
        assert float(loss) == pytest.approx(float(expected), rel=1e-9)
        pairs = [tape.gradient(each, values) for each in (loss, expected)]
        for name in values:
            found, gradient = (each[name].numpy() for each in pairs)
            tolerance = 1e-7 * np.abs(gradient).max()
            assert tolerance > 0, name
            np.testing.assert_allclose(found, gradient, atol=tolerance)


class MamlTest:
    def test_factor_one_and_no_logit_noise_is_maml(self, monkeypatch):
        """All that Meta Dropout adds to MAML is these two."""
        monkeypatch.setattr(
            noise, "softplus_noise", lambda mean, draws=None: mean * 0 + 1
        )
        perturbed = tasks.make_learner(
            meta_dropout.MetaDropout(logits="none"), spread=0.5
        )
        plain = tasks.make_learner(spread=0.5)
        for name, weight in zip(plain.specs, plain.weights):
            weight.assign(perturbed.values()[name])
        support, labels, query, answers = tasks.make_task()
        found = []
        for learner in (perturbed, plain):
            values, _ = learner.adapt(
                learner.values(), support, labels, tasks.SEED, samples=3
            )
            found.append(learner.query_loss(values, query, answers)[0])
        assert float(found[0]) == pytest.approx(float(found[1]), rel=1e-5)

    def test_no_seed_is_no_noise(self):
        support, labels, *_ = tasks.make_task()
        found = []
        for options, seed in (({}, None), ({"stochastic": False}, [0, 1])):
            learner = tasks.make_learner(
                meta_dropout.MetaDropout(**options), spread=0.5
            )
            adapted, _ = learner.adapt(
                learner.values(), support, labels, seed, samples=3
            )
            found.append(adapted["block_1/kernel"])
        np.testing.assert_allclose(*found, atol=1e-6)

    def test_with_its_noise_it_is_not(self):
        perturbed = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        support, labels, query, _ = tasks.make_task()
        logits = [
            perturbed.logits(
                perturbed.adapt(perturbed.values(), support, labels, seed)[0],
                query,
            )
            for seed in ([0, 0], [0, 1])
        ]
        assert np.max(np.abs(logits[0] - logits[1])) > 1e-3


class ArgumentsTest:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"transform": "relu"}, "`transform` must be one of.*'softplus'"),
            ({"logits": "all"}, "`logits` must be one of.*'additive'"),
            ({"deviation": 0}, "`deviation` must be positive"),
        ],
    )
    def test_wrong(self, options, message):
        with pytest.raises(ValueError, match=message):
            meta_dropout.MetaDropout(**options)
