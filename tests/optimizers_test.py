"""AdamL2 against the same update in NumPy, float64."""

import keras
import numpy as np
import pytest

import mp_keras

STEPS = 20


def reference(weights, gradients, learning_rates, l2):
    """Adam with L2 in the gradient, by its formula, for one array."""
    weights = weights.astype("float64")
    m, v = np.zeros_like(weights), np.zeros_like(weights)
    for step, (gradient, rate) in enumerate(
        zip(gradients, learning_rates), start=1
    ):
        gradient = gradient + l2 * weights
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        m_hat, v_hat = m / (1 - 0.9**step), v / (1 - 0.999**step)
        weights = weights - rate * m_hat / (np.sqrt(v_hat) + 1e-8)
    return weights


def case(shape, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape), rng.normal(size=(STEPS, *shape))


def run(optimizer, *cases):
    """Returns the variables after all steps, one of them a bias."""
    variables = [keras.Variable(weights) for weights, _ in cases]
    for step in range(STEPS):
        gradients = [gradients[step] for _, gradients in cases]
        optimizer.apply(
            [keras.ops.cast(gradient, "float32") for gradient in gradients],
            variables,
        )
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def small_model(optimizer):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(optimizer, "mse")
    return model


class AdamL2Test:
    @pytest.mark.parametrize("l2", [0.0, 5e-4, 0.5])
    def test_equals_the_formula_kernel_and_bias(self, l2):
        kernel, bias = case((4, 3), 0), case((3,), 1)
        actual = run(mp_keras.AdamL2(0.01, l2=l2), kernel, bias)
        for array, (weights, gradients) in zip(actual, (kernel, bias)):
            expected = reference(weights, gradients, [0.01] * STEPS, l2)
            np.testing.assert_allclose(array, expected, rtol=1e-5, atol=1e-6)

    def test_defaults_are_the_experiments(self):
        optimizer = mp_keras.AdamL2()
        assert (optimizer.l2, optimizer.epsilon) == (5e-4, 1e-8)
        assert (optimizer.beta_1, optimizer.beta_2) == (0.9, 0.999)
        np.testing.assert_allclose(optimizer.learning_rate, 1e-3)

    def test_l2_is_coupled_unlike_weight_decay(self):
        weights, _ = case((5,), 2)
        gradients = np.zeros((STEPS, 5))
        coupled = run(mp_keras.AdamL2(0.01, l2=0.1), (weights, gradients))[0]
        decoupled = run(
            keras.optimizers.AdamW(0.01, weight_decay=0.1),
            (weights, gradients),
        )[0]
        # Adam divides L2's size away: every weight makes a full step.
        np.testing.assert_allclose(
            coupled[np.abs(weights) > 0.3],
            (weights - 0.01 * STEPS * np.sign(weights))[np.abs(weights) > 0.3],
            atol=0.02,
        )
        np.testing.assert_allclose(
            decoupled, weights * (1 - 0.01 * 0.1) ** STEPS, rtol=1e-4
        )

    def test_learning_rate_schedule(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [4, 9], [0.1, 0.03, 0.009]
        )
        rates = [0.1] * 5 + [0.03] * 5 + [0.009] * (STEPS - 10)
        weights, gradients = case((3,), 3)
        actual = run(mp_keras.AdamL2(schedule), (weights, gradients))[0]
        expected = reference(weights, gradients, rates, 5e-4)
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)

    def test_pure_update_equals_apply_and_assigns_nothing(self):
        weights, gradients = case((3,), 4)
        optimizer = mp_keras.AdamL2(0.01)
        state = [np.zeros(3, "float32")] * 2 + [weights.astype("float32")]
        for step in range(STEPS):
            momentum, velocity, weight = state
            state = optimizer.moments_and_weight(
                gradients[step].astype("float32"),
                keras.ops.convert_to_tensor(weight),
                keras.ops.convert_to_tensor(momentum),
                keras.ops.convert_to_tensor(velocity),
                step + 1,
                0.01,
            )
        expected = run(mp_keras.AdamL2(0.01), (weights, gradients))[0]
        np.testing.assert_allclose(state[2], expected, atol=2e-6)
        assert not optimizer.built

    def test_config_round_trip(self):
        optimizer = mp_keras.AdamL2(
            0.02, l2=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-6, clipnorm=1.0
        )
        config = optimizer.get_config()
        again = mp_keras.AdamL2.from_config(config)
        assert again.get_config() == config
        assert (again.l2, again.beta_1, again.beta_2) == (0.1, 0.8, 0.9)
        assert (again.epsilon, again.clipnorm) == (1e-6, 1.0)

    def test_saved_model_trains_on_as_the_unbroken_one(self, tmp_path):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
        model = small_model(mp_keras.AdamL2(0.1, l2=0.01))
        for _ in range(3):
            model.train_on_batch(x, y)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        assert isinstance(loaded.optimizer, mp_keras.AdamL2)
        assert loaded.optimizer.l2 == 0.01
        for trained in (model, loaded):
            for _ in range(3):
                trained.train_on_batch(x, y)
        assert int(loaded.optimizer.iterations) == 6
        for ours, theirs in zip(model.get_weights(), loaded.get_weights()):
            np.testing.assert_array_equal(ours, theirs)

    @pytest.mark.parametrize("l2", [-1e-9, float("nan")])
    def test_l2_must_not_be_negative(self, l2):
        with pytest.raises(ValueError, match="`l2` must be at least 0"):
            mp_keras.AdamL2(l2=l2)
