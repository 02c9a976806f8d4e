"""One call of an operation in a network whose nested models are opened."""

import dataclasses
import typing

from mp_keras.graphs import layer_kinds


@dataclasses.dataclass(eq=False)
class Step:
    """One call of an operation in the opened graph."""

    index: int
    operation: typing.Any
    node: typing.Any  # of Keras
    inputs: list  # of pairs (index of a step, number of its output)
    read: list  # those of `inputs` that count
    repeated: bool  # a further call of a nested model's inside
    is_activation: bool = False

    @property
    def shape(self):
        return tuple(self.node.outputs[0].shape)

    @property
    def height(self):
        return self.shape[1] if len(self.shape) == 4 else None

    @property
    def sources(self):
        return list(dict.fromkeys(index for index, _ in self.read))


def is_concatenation(step):
    """Whether a step puts maps behind each other, channel by channel."""
    channels = [tensor.shape[-1] for tensor in step.node.input_tensors]
    return (
        len(channels) > 1
        and len(step.shape) == 4
        and None not in channels
        and step.shape[-1] == sum(channels)
        and not layer_kinds.inner_convolutions(step.operation)
    )


def is_addition(step):
    """Whether a step makes one map of several maps of the same shape.

    `Add`, and the caller's own layers, whatever their names.
    """
    tensors = [t for t in step.node.input_tensors if len(t.shape) == 4]
    return (
        len(step.read) > 1
        and len(step.shape) == 4
        and type(step.operation).__name__ != "Multiply"
        and all(tuple(tensor.shape) == step.shape for tensor in tensors)
        and not layer_kinds.inner_convolutions(step.operation)
    )
