"""The noise coefficient of every step, worked out by hand."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of


class Recorder(keras.callbacks.Callback):
    """Keeps all positions' coefficients, as each step's training sees them."""

    def __init__(self):
        super().__init__()
        self.coefficients = []

    def on_train_batch_end(self, batch, logs=None):
        self.coefficients.append(
            {
                float(position.noise_coefficient)
                for position in positions_of(self.model)
            }
        )


def perturbed_model():
    norms = {"channel_norm": 2, "spatial_norm": 4}
    inner = keras.Sequential(
        [
            keras.layers.Conv2D(2, 3),
            mp_keras.MetaPerturbLayer(seed=1, **norms),
        ]
    )
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            mp_keras.MetaPerturbLayer(seed=0, **norms),
            inner,
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def fit(annealing, model=None, batches=5, **arguments):
    """Returns the coefficients of all steps, equal at every position."""
    recorder = Recorder()
    model = perturbed_model() if model is None else model
    model.fit(
        np.ones((batches, 4, 4, 1)),
        np.ones((batches, 1)),
        batch_size=1,
        callbacks=[annealing, recorder],
        verbose=0,
        **arguments,
    )
    assert all(len(values) == 1 for values in recorder.coefficients)
    return [value for values in recorder.coefficients for value in values]


class NoiseAnnealingTest:
    def test_coefficient_rises_over_the_first_epochs(self):
        actual = fit(mp_keras.NoiseAnnealing(ramp=0.4), epochs=2)
        expected = [0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1]  # 4 of 10 steps
        np.testing.assert_allclose(actual, expected, rtol=1e-6)

    def test_default_is_the_first_40_percent(self):
        assert mp_keras.NoiseAnnealing().ramp == 0.4

    @pytest.mark.parametrize(
        ("ramp", "expected"),
        [
            (0, [1] * 5),
            (0.5, [0, 0.4, 0.8, 1, 1]),  # 2.5 steps
            (1, [0, 0.2, 0.4, 0.6, 0.8]),
        ],
    )
    def test_ramps(self, ramp, expected):
        actual = fit(mp_keras.NoiseAnnealing(ramp))
        np.testing.assert_allclose(actual, expected, rtol=1e-6)

    @pytest.mark.parametrize(
        ("ramp", "expected"),
        [(0, [0.25] * 5), (0.5, [0, 0.1, 0.2, 0.25, 0.25])],
    )
    def test_ends_at_the_maximum(self, ramp, expected):
        actual = fit(mp_keras.NoiseAnnealing(ramp, maximum=0.25))
        np.testing.assert_allclose(actual, expected, rtol=1e-6)

    def test_later_initial_epoch(self):
        annealing = mp_keras.NoiseAnnealing(ramp=1)
        actual = fit(annealing, epochs=2, initial_epoch=1)
        np.testing.assert_allclose(actual, [0.5, 0.6, 0.7, 0.8, 0.9])

    def test_initial_step(self):
        annealing = mp_keras.NoiseAnnealing(1, total_steps=10, initial_step=3)
        np.testing.assert_allclose(
            fit(annealing), [0.3, 0.4, 0.5, 0.6, 0.7], rtol=1e-6
        )

    def test_second_fit_starts_anew_and_the_last_value_stays(self):
        model, annealing = perturbed_model(), mp_keras.NoiseAnnealing(1)
        for _ in range(2):
            actual = fit(annealing, model)
            np.testing.assert_allclose(actual, [0, 0.2, 0.4, 0.6, 0.8])
        coefficient = positions_of(model)[1].noise_coefficient
        np.testing.assert_allclose(coefficient, 0.8)

    @pytest.mark.tensorflow_only
    def test_unknown_number_of_batches(self):
        tf = pytest.importorskip("tensorflow")
        example = np.ones((1, 4, 4, 1)), np.ones((1, 1))
        signature = tuple(
            tf.TensorSpec(array.shape, "float64") for array in example
        )
        data = tf.data.Dataset.from_generator(
            lambda: iter([example] * 2), output_signature=signature
        )
        model = perturbed_model()
        annealing = mp_keras.NoiseAnnealing(ramp=1)
        with pytest.raises(ValueError, match="`total_steps` must be given"):
            model.fit(data, callbacks=[annealing], verbose=0)
        recorder = Recorder()
        annealing = mp_keras.NoiseAnnealing(ramp=1, total_steps=4)
        model.fit(data, epochs=2, callbacks=[annealing, recorder], verbose=0)
        # Each epoch begins a third batch to see that there are only two.
        expected = [{0.0}, {0.25}, {0.5}, {0.75}]
        assert recorder.coefficients == expected

    @pytest.mark.skipif(
        keras.backend.backend() == "torch",
        reason="Keras on PyTorch executes one step at a time",
    )
    def test_several_steps_in_one_execution(self):
        model = perturbed_model()
        model.compile("sgd", "mse", steps_per_execution=2)
        actual = fit(mp_keras.NoiseAnnealing(ramp=1), model, epochs=2)
        expected = [0, 0.2, 0.4, 0.5, 0.7, 0.9]  # steps 0, 2, 4, 5, 7, 9
        np.testing.assert_allclose(actual, expected, rtol=1e-6)

    def test_model_without_positions(self):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match="with a MetaPerturbLayer"):
            model.fit(
                np.ones((1, 2)),
                np.ones((1, 1)),
                callbacks=[mp_keras.NoiseAnnealing()],
                verbose=0,
            )

    @pytest.mark.parametrize("ramp", [-0.1, 1.1, float("nan")])
    def test_ramp_and_maximum_must_be_fractions(self, ramp):
        with pytest.raises(ValueError, match="`maximum` must be a fraction"):
            mp_keras.NoiseAnnealing(maximum=ramp)
        with pytest.raises(ValueError, match="`ramp` must be a fraction"):
            mp_keras.NoiseAnnealing(ramp)

    @pytest.mark.tensorflow_only  # others build it before
    def test_unbuilt_model_is_told_apart(self):
        model = keras.Sequential(
            [
                mp_keras.MetaPerturbLayer(channel_norm=3, spatial_norm=8),
                keras.layers.Flatten(),
                keras.layers.Dense(2),
            ]
        )
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match="needs a built model"):
            model.fit(
                np.ones((2, 8, 8, 3)),
                np.ones((2, 2)),
                callbacks=[mp_keras.NoiseAnnealing()],
                verbose=0,
            )
