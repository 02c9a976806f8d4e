"""Deep ensembles (Lakshminarayanan et al., NeurIPS 2017).

Networks trained from different seeds, their probabilities averaged: today's
reference for calibration, at as many times the cost.
"""

from collections import abc

import keras
from keras import ops

from mp_keras import class_outputs
from mp_keras.graphs import graph_reading


@keras.saving.register_keras_serializable(package="mp_keras")
class AveragedMembers(keras.layers.Layer):
    """The logarithm of the members' mean probability, usable as logits.

    Args:
        members: List of built `keras.Model`s from images to logits.
        **kwargs: Passed to `keras.layers.Layer`.

    Reference: Lakshminarayanan et al., NeurIPS 2017, section 2.4.
    """

    def __init__(self, members, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False  # the members cast what they take
        self.members = list(members)

    def build(self, input_shape):
        self.built = True

    def call(self, images, training=False):
        logs = [
            ops.log_softmax(
                ops.cast(member(images, training=training), "float32")
            )
            for member in self.members
        ]
        return ops.logsumexp(ops.stack(logs), axis=0) - ops.log(
            float(len(logs))
        )

    def compute_output_shape(self, input_shape):
        return self.members[0].compute_output_shape(input_shape)

    def get_config(self):
        members = [
            keras.saving.serialize_keras_object(member)
            for member in self.members
        ]
        return {**super().get_config(), "members": members}

    @classmethod
    def from_config(cls, config):
        members = [
            keras.saving.deserialize_keras_object(member)
            for member in config["members"]
        ]
        return cls(**{**config, "members": members})


def deep_ensemble(models: abc.Sequence[keras.Model]) -> keras.Model:
    """Returns one model that averages the probabilities of others.

    Args:
        models: At least two functional or built Sequential `keras.Model`s
            from images of one shape to logits of the same classes.

    Returns: a functional model from images to log-probabilities.
    Raises: ValueError, if there are fewer than two, their shapes differ, or
        one is subclassed or unbuilt, has several inputs or ends in
        probabilities.
    """
    models = list(models)
    for model in models:
        if not graph_reading.is_built_graph(model):
            raise ValueError(
                "Argument `models` must hold functional or built Sequential "
                "keras.Models; of a wrapper of `mp_keras.baselines`, its "
                f"`network`. Received: {model!r}"
            )
        class_outputs.check_logits(model)
    shapes = {str((model.input_shape, model.output_shape)) for model in models}
    if len(models) < 2 or len(shapes) > 1:
        raise ValueError(
            "Argument `models` must hold at least two models of the same "
            f"input and output. Received: {len(models)} models of shapes "
            f"{sorted(shapes)}"
        )
    if len(models[0].inputs) != 1:
        raise ValueError(
            "Argument `models` must hold models of one input. "
            f"Received: {len(models[0].inputs)} inputs"
        )
    inputs = keras.Input(models[0].input_shape[1:], name="images")
    return keras.Model(inputs, AveragedMembers(models)(inputs))
