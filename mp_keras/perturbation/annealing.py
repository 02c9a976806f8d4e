"""Noise annealing: the perturbation is faded in while a target trains.

The authors' code raises the noise coefficient linearly from 0 to 1 over the
first 40 % of all training steps; the paper says "gradually increasing". Every
layer with a weight `noise_coefficient` is faded in: `MetaPerturbLayer`, and
`DropBlock`, whose authors raise its rate over the whole training.

The trap: the coefficient is a weight of the model. A callback that goes back to
the best epoch takes the coefficient of that epoch along, below 1 if the epoch
was in the ramp; see `AfterAnnealing`.
"""

import warnings

import keras
import numpy as np

from mp_keras import argument_checks
from mp_keras.graphs import layer_search


class NoiseAnnealing(keras.callbacks.Callback):
    """Raises every layer's noise coefficient linearly from 0 to `maximum`.

    At step `i` of `n`, counted from 0, the coefficient is
    `maximum * min(1, i / (ramp * n))`; it stays where the training ends. With
    `steps_per_execution`, all steps of one execution have that of its first.
    A training that ends with less than it should is told by a warning; to
    see what other callbacks restored, it comes last in `callbacks`.

    Args:
        ramp: Float in [0, 1], default 0.4: the fraction of all steps over
            which the coefficient rises. 0 means `maximum` from the first step
            on.
        total_steps: Int or None (default: `epochs * steps_per_epoch` of
            `fit`). Must be given when the number of batches is unknown.
        initial_step: Int, default 0. Number of the first step, for a
            training that was resumed.
        maximum: Float in [0, 1], default 1: where the coefficient ends, in
            training and in the test after it. Less makes the noise weaker.

    Raises: ValueError, if `ramp` or `maximum` is outside [0, 1], the model is
        unbuilt or has no layer with a noise coefficient, or the number of
        steps is unknown.

    >>> NoiseAnnealing(ramp=0.4).ramp
    0.4
    """

    _current = None  # the coefficient that was assigned last

    def __init__(
        self,
        ramp: float = 0.4,
        total_steps: int | None = None,
        initial_step: int = 0,
        maximum: float = 1.0,
    ) -> None:
        super().__init__()
        argument_checks.check_fraction("ramp", ramp)
        argument_checks.check_fraction("maximum", maximum)
        self.maximum = maximum
        self.ramp = ramp
        self.total_steps = total_steps
        self.initial_step = initial_step

    def on_train_begin(self, logs=None):
        self._coefficients = noise_coefficients(self.model)
        if not self._coefficients:
            raise _nothing_to_anneal(self.model)
        total = self.total_steps
        if total is None:
            steps = self.params.get("steps")
            if steps is None:
                raise ValueError(
                    "Argument `total_steps` must be given when the number of "
                    "batches per epoch is unknown. Received: total_steps=None"
                )
            total = steps * self.params["epochs"]
        self._total = total
        self._next_step = self.initial_step
        self._current = None

    def on_epoch_begin(self, epoch, logs=None):
        steps = self.params.get("steps")
        if steps is None:
            self._first_step = self._next_step
        else:  # `fit` may start at a later epoch
            self._first_step = self.initial_step + epoch * steps

    def on_train_batch_begin(self, batch, logs=None):
        step = self._first_step + batch
        ramp_steps = self.ramp * self._total
        part = min(1.0, step / ramp_steps) if ramp_steps else 1.0
        coefficient = self.maximum * part
        if coefficient == self._current:
            return
        self._current = coefficient
        # On JAX, weights leave the variables during an epoch; to ask for the
        # model brings them back, and what is assigned then goes on.
        _ = self.model
        for variable in self._coefficients:
            variable.assign(np.full(variable.shape, coefficient, "float32"))

    @property
    def is_over(self):
        """Bool: whether the coefficient is as high as it gets."""
        return self._current is not None and self._current >= self.maximum

    def on_train_end(self, logs=None):
        if self._current is None:
            return  # no step
        _ = self.model  # brings the weights back, on JAX
        least = min(
            float(np.min(keras.ops.convert_to_numpy(variable)))
            for variable in self._coefficients
        )
        went_back = least < self._current - 1e-6
        if went_back or least < self._planned_end() - 1e-6:
            warnings.warn(
                f"NoiseAnnealing: model {self.model.name} ends with the noise "
                f"coefficient {least:.3g}, below {self.maximum:.3g}, so that "
                "its predictions hardly sample. The training ended before its "
                "ramp, or another callback went back to an epoch inside it. "
                "Let no epoch be the best before the ramp is over, "
                "`AfterAnnealing(EarlyStopping(...), annealing)`; if `fit` is "
                "called several times for one training, give `total_steps` "
                "with `initial_epoch` or `initial_step`.",
                stacklevel=2,
            )

    def _planned_end(self):
        """Returns the least coefficient that this `fit` should end with."""
        steps = self.params.get("steps")
        planned = self._total
        if steps is not None:
            planned = self.initial_step + steps * self.params["epochs"]
        if self.total_steps is not None and self._next_step >= planned:
            return 0.0  # a part of a longer training
        ramp_steps = self.ramp * self._total
        is_whole = self._next_step >= self._total
        # A ramp of all steps ends one step below.
        shortfall = 1 / ramp_steps if is_whole and ramp_steps > 1 else 0
        return self.maximum * (1 - shortfall)

    def on_train_batch_end(self, batch, logs=None):
        # Not at the beginning of a batch: an epoch of unknown length begins
        # one that does not exist.
        self._next_step = self._first_step + batch + 1


def _nothing_to_anneal(model):
    unbuilt = [
        layer.name for layer in model._flatten_layers() if not layer.built
    ]
    if unbuilt:
        return ValueError(
            "NoiseAnnealing needs a built model: begin it with keras.Input, or "
            f"call it on a batch before `fit`. Received: model {model.name} "
            f"with unbuilt layers, {unbuilt[-1]} among them"
        )
    return ValueError(
        "NoiseAnnealing needs a model with a MetaPerturbLayer or DropBlock. "
        f"Received: model {model.name} without one"
    )


def noise_coefficients(model):
    """Returns the noise coefficients of a model, scalar variables.

    Args:
        model: `keras.Model`, or a `MetaTrainer`: its banks stack one
            coefficient for each task in a variable `(tasks,)`.
    """
    if hasattr(model, "noise_coefficients"):
        return model.noise_coefficients
    layers = layer_search.find_layers(
        model, lambda layer: hasattr(layer, "noise_coefficient")
    )
    return [layer.noise_coefficient for layer in layers]
