"""Training with φ by `compile` and `fit`, on every backend of Keras."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of
from tests import small_networks

EPOCHS, BATCH = 10, 16


class Recorder(keras.callbacks.Callback):
    """Keeps the first position's noise coefficient and stream, by steps."""

    def __init__(self):
        super().__init__()
        self.coefficients, self.streams = [], []

    def on_train_batch_end(self, batch, logs=None):
        position = positions_of(self.model)[0]
        self.coefficients.append(float(position.noise_coefficient))
        stream = np.array(position.seed_generator.state.value)
        self.streams.append(int(stream[1]))


def problem(examples=48):
    """The class is the colour that is bright."""
    labels = np.arange(examples) % 3
    images = 0.3 * small_networks.draw_images(examples, 8, 8, 3)
    images[np.arange(examples), :, :, labels] += 1
    return images, labels


def fit(model, recorder=None, epochs=EPOCHS):
    """Returns the losses of the epochs."""
    model.compile(
        mp_keras.AdamL2(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[
            "accuracy",
            mp_keras.ExpectedCalibrationError(from_logits=True),
        ],
    )
    callbacks = [mp_keras.NoiseAnnealing(ramp=0.4)]
    history = model.fit(
        *problem(),
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        callbacks=callbacks + [recorder] * (recorder is not None),
        verbose=0,
    )
    return history.history["loss"]


@pytest.fixture(scope="module")
def trained():
    """A perturbed copy of a plain network, trained; and the records."""
    keras.utils.set_random_seed(0)
    inputs = features = keras.Input((8, 8, 3))
    for channels in (4, 6):
        features = keras.layers.Conv2D(channels, 3, padding="same")(features)
        features = keras.layers.BatchNormalization(momentum=0.9)(features)
        features = keras.layers.ReLU()(features)
    features = keras.layers.GlobalAveragePooling2D()(features)
    plain = keras.Model(inputs, keras.layers.Dense(3)(features))
    phi = mp_keras.load_perturbation()
    model = mp_keras.perturb_model(plain, phi, seed=3)
    recorder = Recorder()
    return model, recorder, fit(model, recorder)


class FitTest:
    def test_loss_falls(self, trained):
        _, _, losses = trained
        assert losses[-1] < 0.4 < 0.5 < losses[0]

    def test_step_is_compiled_where_the_backend_compiles(self, trained):
        model, _, _ = trained
        assert model.jit_compile or keras.backend.backend() != "jax"

    def test_coefficient_of_every_step(self, trained):
        _, recorder, _ = trained
        steps = EPOCHS * 48 // BATCH
        expected = np.minimum(1, np.arange(steps) / (0.4 * steps))
        np.testing.assert_allclose(recorder.coefficients, expected, rtol=1e-6)

    def test_every_step_draws_new_noise(self, trained):
        _, recorder, _ = trained
        assert np.all(np.diff(recorder.streams) > 0)

    def test_phi_stays_and_its_statistics_move(self, trained):
        model, _, _ = trained
        phi = mp_keras.load_perturbation().values()
        positions = positions_of(model)
        assert len(positions) == 2
        for position in positions:
            for name, array in position.perturbation.values().items():
                np.testing.assert_array_equal(array, phi[name])
            assert np.all(np.array(position.moving_variance) != 1)
            assert np.any(np.array(position.moving_mean) > 0)

    def test_same_seed_gives_the_same_training(self):
        runs = []
        for _ in range(2):
            keras.utils.set_random_seed(1)
            runs.append(fit(small_networks.make_network(), epochs=2))
        np.testing.assert_array_equal(*runs)


class SavingTest:
    def test_loaded_model_predicts_and_trains_on(self, trained, tmp_path):
        model, _, losses = trained
        images, labels = problem()
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        ours, theirs = (
            mp_keras.monte_carlo_predict(m, images, samples=4)
            for m in (model, loaded)
        )
        np.testing.assert_allclose(theirs, ours, atol=1e-6)
        before = loaded.get_weights()[0]
        history = loaded.fit(images, labels, batch_size=BATCH, verbose=0)
        assert np.any(loaded.get_weights()[0] != before)
        assert history.history["loss"][0] < losses[0]


class AdamL2Test:
    def test_steps_equal_numpy(self):
        """Two steps of a single weight whose gradient is its input."""
        model = keras.Sequential(
            [keras.Input((1,)), keras.layers.Dense(1, use_bias=False)]
        )
        model.layers[0].kernel.assign([[0.5]])
        model.compile(
            mp_keras.AdamL2(0.1, l2=0.2), lambda y_true, y_pred: y_pred
        )
        weight, m, v = 0.5, 0.0, 0.0
        for step, x in enumerate((3.0, -1.0), start=1):
            model.train_on_batch(np.full((1, 1), x), np.zeros((1, 1)))
            gradient = x + 0.2 * weight
            m = 0.9 * m + 0.1 * gradient
            v = 0.999 * v + 0.001 * gradient**2
            spread = np.sqrt(v / (1 - 0.999**step)) + 1e-8
            weight -= 0.1 * m / (1 - 0.9**step) / spread
        kernel = np.array(model.layers[0].kernel)
        np.testing.assert_allclose(kernel, [[weight]], rtol=1e-5)
