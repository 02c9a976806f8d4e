"""Keeps callbacks that judge epochs from judging those of weak noise.

Early in a noise annealing a network trains almost without φ and is validated
almost without noise. Such an epoch is often the best on validation data, and
its weights hold its noise coefficient: a model that goes back to it hardly
samples in prediction.
"""

import typing

import keras

from mp_keras.perturbation import annealing as annealing_module


class AfterAnnealing(keras.callbacks.Callback):
    """Hands the ends of epochs on once the noise annealing is over.

    Args:
        callback: `keras.callbacks.Callback` that judges epochs, such as
            `EarlyStopping` or `ModelCheckpoint`. The beginning and end of the
            training reach it always, ends of epochs and of training batches
            only when the noise coefficient is as high as it gets.
        annealing: The `NoiseAnnealing` of the same training, in `callbacks` as
            well; with `ramp` below 1, or no epoch counts.

    Raises: ValueError, if `annealing` is no `NoiseAnnealing`.

    >>> annealing = annealing_module.NoiseAnnealing(ramp=0.4)
    >>> stop = keras.callbacks.EarlyStopping(restore_best_weights=True)
    >>> callbacks = [AfterAnnealing(stop, annealing), annealing]
    """

    def __init__(
        self,
        callback: keras.callbacks.Callback,
        annealing: annealing_module.NoiseAnnealing,
    ) -> None:
        super().__init__()
        if not isinstance(annealing, annealing_module.NoiseAnnealing):
            raise ValueError(
                "Argument `annealing` must be the NoiseAnnealing of the same "
                f"training. Received: annealing={annealing!r}"
            )
        self.callback = callback
        self.annealing = annealing

    def set_params(self, params: dict[str, typing.Any]) -> None:
        super().set_params(params)
        self.callback.set_params(params)

    def set_model(self, model: keras.Model) -> None:
        super().set_model(model)
        self.callback.set_model(model)

    def on_train_begin(self, logs=None):
        self.callback.on_train_begin(logs)

    def on_train_end(self, logs=None):
        self.callback.on_train_end(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self.callback.on_epoch_begin(epoch, logs)

    def on_epoch_end(self, epoch, logs=None):
        if self.annealing.is_over:
            self.callback.on_epoch_end(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self.callback.on_train_batch_begin(batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        if self.annealing.is_over:
            self.callback.on_train_batch_end(batch, logs)
