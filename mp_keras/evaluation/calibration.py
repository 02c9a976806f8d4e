"""Calibration: do predicted confidences match how often they are right?

Expected calibration error of Naeini et al., AAAI 2015, as MetaPerturb's
appendix A, eq. (4), reports it: the gap between accuracy and confidence,
averaged over bins of the confidence, weighted by their share of examples.
"""

import typing

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mp_keras")
class ExpectedCalibrationError(keras.metrics.Metric):
    """Expected calibration error, a number in [0, 1].

    An example's confidence is its largest probability; bin `i` of `n` holds
    the confidences in `(i / n, (i + 1) / n]`. Empty bins count nothing.

    Args:
        bins: Int >= 1, default 15: equally wide bins of the confidence.
        from_logits: Bool, default False: apply softmax first.
        **kwargs: Passed to `keras.metrics.Metric`.

    `update_state` takes integer labels `(batch,)` or `(batch, 1)`, or one-hot
    ones `(batch, classes)`, whose largest number counts; probabilities or
    logits `(batch, classes)`; and optional weights `(batch,)`.
    Raises: ValueError, if `bins` is not a positive integer; in `update_state`,
        if there is one class alone or the labels are not as above.

    >>> error = ExpectedCalibrationError()
    >>> error.update_state([0, 1], [[0.8, 0.2], [0.8, 0.2]])
    >>> round(float(error.result()), 3)  # confidence 0.8, accuracy 0.5
    0.3
    """

    def __init__(
        self,
        bins: int = 15,
        from_logits: bool = False,
        name: str = "expected_calibration_error",
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        if not isinstance(bins, int) or bins < 1:
            raise ValueError(
                "Argument `bins` must be a positive integer. "
                f"Received: bins={bins}"
            )
        self.bins = bins
        self.from_logits = from_logits
        for quantity in ("count", "correct", "confidence"):
            variable = self.add_variable(
                shape=(bins,), initializer="zeros", name=quantity
            )
            setattr(self, quantity, variable)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.convert_to_tensor(y_pred, self.dtype)
        if len(y_pred.shape) != 2 or y_pred.shape[-1] == 1:
            raise ValueError(
                "Predictions must be (batch, classes), a column for each of "
                "two or more classes. "
                f"Received: y_pred of shape {tuple(y_pred.shape)}"
            )
        y_true = _class_numbers(ops.convert_to_tensor(y_true), y_pred.shape)
        probabilities = ops.softmax(y_pred) if self.from_logits else y_pred
        confidence = ops.max(probabilities, axis=-1)
        prediction = ops.cast(ops.argmax(probabilities, axis=-1), "int32")
        correct = ops.cast(ops.equal(prediction, y_true), self.dtype)
        index = ops.cast(ops.ceil(confidence * self.bins) - 1, "int32")
        members = ops.one_hot(
            ops.clip(index, 0, self.bins - 1), self.bins, dtype=self.dtype
        )  # (batch, bins)
        if sample_weight is not None:
            weight = ops.cast(ops.reshape(sample_weight, (-1, 1)), self.dtype)
            members = members * weight
        self.count.assign_add(ops.sum(members, axis=0))
        self.correct.assign_add(ops.sum(members * correct[:, None], axis=0))
        self.confidence.assign_add(
            ops.sum(members * confidence[:, None], axis=0)
        )

    def result(self):
        gaps = ops.abs(self.correct - self.confidence)
        total = ops.maximum(ops.sum(self.count), keras.config.epsilon())
        return ops.sum(gaps) / total

    def get_config(self):
        return {
            **super().get_config(),
            "bins": self.bins,
            "from_logits": self.from_logits,
        }


def _class_numbers(labels, shape):
    """Returns integers `(batch,)` for labels of any form.

    Args:
        labels: Tensor, as `update_state` takes it.
        shape: Pair, of the predictions; a number not known yet is None.

    Raises: ValueError, if the labels do not belong to such predictions.
    """
    given = tuple(labels.shape)
    forms = [shape[:1], (shape[0], 1), tuple(shape)]
    fits = [_agree(given, form) for form in forms]
    if not any(fits):
        raise ValueError(
            "Labels must be integers (batch,) or (batch, 1), or one-hot "
            f"(batch, classes), for predictions of shape {tuple(shape)}. "
            f"Received: y_true of shape {given}"
        )
    if fits == [False, False, True]:
        numbers = ops.argmax(ops.cast(labels, "float32"), axis=-1)
        return ops.cast(numbers, "int32")
    return ops.reshape(ops.cast(labels, "int32"), (-1,))


def _agree(given, form):
    """Returns whether two shapes may be the same, None being any number."""
    return len(given) == len(form) and all(
        None in pair or pair[0] == pair[1] for pair in zip(given, form)
    )
