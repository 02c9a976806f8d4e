"""NoiseAnnealing beside callbacks that go back, start later or start anew."""

import copy
import warnings

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of

IMAGES = np.random.default_rng(0).normal(size=(16, 8, 8, 3)).astype("float32")
LABELS = np.arange(16) % 3


def perturbed_model(rate=0.1):
    phi = mp_keras.PerturbationFunction(seed=1)
    network = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    model = mp_keras.perturb_model(network, phi, seed=1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate), loss)
    return model


def coefficient(model):
    (position,) = positions_of(model)
    return float(position.noise_coefficient)


def fit(model, callbacks, **arguments):
    """Fits two steps per epoch; the validation labels are wrong ones."""
    return model.fit(
        IMAGES,
        LABELS,
        batch_size=8,
        validation_data=(IMAGES, (LABELS + 1) % 3),
        verbose=0,
        callbacks=callbacks,
        **arguments,
    )


class Recorder(keras.callbacks.Callback):
    """Keeps the coefficient of each step."""

    def __init__(self):
        super().__init__()
        self.coefficients = []

    def on_train_batch_end(self, batch, logs=None):
        self.coefficients.append(coefficient(self.model))


class Interruption(keras.callbacks.Callback):
    """Fails at the beginning of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise KeyboardInterrupt


class Return(keras.callbacks.Callback):
    """Goes back to an epoch, as if it had been the best."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            self.weights = self.model.get_weights()

    def on_train_end(self, logs=None):
        self.model.set_weights(self.weights)


def stopping():
    return keras.callbacks.EarlyStopping(
        "val_loss", patience=2, restore_best_weights=True
    )


class EarlyStoppingTest:
    def test_stop_inside_the_ramp_is_told(self):
        model = perturbed_model(rate=2.0)
        with pytest.warns(UserWarning, match="hardly sample.*AfterAnnealing"):
            fit(model, [mp_keras.NoiseAnnealing(0.4), stopping()], epochs=20)
        assert coefficient(model) < 1

    def test_best_epoch_inside_the_ramp_is_told_when_it_comes_last(self):
        model = perturbed_model()
        callbacks = [Return(epoch=1), mp_keras.NoiseAnnealing(0.4)]
        with pytest.warns(UserWarning, match="went back to an epoch"):
            fit(model, callbacks, epochs=5)
        assert coefficient(model) == 0.75  # of the second epoch's last step

    def test_after_the_ramp_alone(self):
        model, stop = perturbed_model(rate=2.0), stopping()
        annealing = mp_keras.NoiseAnnealing(0.4)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            history = fit(
                model,
                [mp_keras.AfterAnnealing(stop, annealing), annealing],
                epochs=20,
            )
        assert coefficient(model) == 1
        assert stop.best_epoch >= 8  # 0.4 of 20
        assert len(history.history["loss"]) < 20

    def test_checkpoint_after_the_ramp_alone(self, tmp_path):
        model, annealing = perturbed_model(rate=2.0), mp_keras.NoiseAnnealing()
        best = keras.callbacks.ModelCheckpoint(
            tmp_path / "best.keras", "val_loss", save_best_only=True
        )
        callbacks = [annealing, mp_keras.AfterAnnealing(best, annealing)]
        fit(model, callbacks, epochs=5)
        loaded = keras.models.load_model(tmp_path / "best.keras")
        assert coefficient(loaded) == 1

    def test_needs_the_annealing(self):
        with pytest.raises(ValueError, match="`annealing` must be the Noise"):
            mp_keras.AfterAnnealing(stopping(), 0.4)


class SeveralFitsTest:
    WHOLE = [0, 1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1, 1, 1]  # 0.4 of 10 steps

    def test_single_epochs_without_their_total_are_told(self):
        model = perturbed_model()
        annealing = mp_keras.NoiseAnnealing(0.4)
        with pytest.warns(UserWarning, match="give `total_steps`"):
            model.fit(IMAGES, LABELS, callbacks=[annealing], verbose=0)

    def test_whole_training_is_not_told(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            for ramp in (0, 0.4, 1):
                annealing = mp_keras.NoiseAnnealing(ramp)
                fit(perturbed_model(), [annealing], epochs=3)

    @pytest.mark.filterwarnings("error:NoiseAnnealing")
    @pytest.mark.parametrize("by_epoch", [True, False])
    def test_single_epochs_of_one_training(self, by_epoch):
        model, recorder = perturbed_model(), Recorder()
        for epoch in range(5):
            if by_epoch:
                annealing = mp_keras.NoiseAnnealing(0.4, total_steps=10)
                where = {"initial_epoch": epoch, "epochs": epoch + 1}
            else:
                annealing = mp_keras.NoiseAnnealing(
                    0.4, total_steps=10, initial_step=2 * epoch
                )
                where = {"epochs": 1}
            fit(model, [annealing, recorder], **where)
        np.testing.assert_allclose(recorder.coefficients, self.WHOLE)

    def test_backup_goes_on_where_it_was(self, tmp_path):
        recorder = Recorder()
        for _ in range(2):
            callbacks = [
                keras.callbacks.BackupAndRestore(tmp_path),
                mp_keras.NoiseAnnealing(0.4),
                recorder,
            ]
            if not recorder.coefficients:
                callbacks.append(Interruption(epoch=1))
                with pytest.raises(KeyboardInterrupt):
                    fit(perturbed_model(), callbacks, epochs=5)
            else:
                fit(perturbed_model(), callbacks, epochs=5)
        np.testing.assert_allclose(recorder.coefficients, self.WHOLE)

    def test_copies_are_independent_as_tuners_need_them(self):
        annealing = mp_keras.NoiseAnnealing(0.4)
        callbacks = [mp_keras.AfterAnnealing(stopping(), annealing), annealing]
        first, second = copy.deepcopy(callbacks), copy.deepcopy(callbacks)
        assert first[0].annealing is first[1]
        model = perturbed_model()
        fit(model, first, epochs=5)
        assert first[1].is_over
        assert not second[1].is_over
        assert coefficient(model) == 1
