"""What `find_positions` tells about a network, and its warning on the rest."""

import typing
import warnings

import keras

from mp_keras import error_texts
from mp_keras.graphs import graph_reading
from mp_keras.perturbation import position_search

_NAMES = 6  # of layers in the warning


class Position(typing.NamedTuple):
    """A place for φ.

    Attributes:
        layer: Str, name of the layer that φ follows; where an activation is
            fused in it, φ goes before the activation.
        shape: Tuple `(height, width, channels)` of its feature map.
        rule: Str, by which it was found: "addition" or "concatenation" of
            branches, "convolution", "depthwise" (with its 1x1 ones),
            "bottleneck", or "layer" (of the caller's own).
    """

    layer: str
    shape: tuple
    rule: str


class FoundPositions(list):
    """A list of `Position`s that prints as a table.

    Attributes:
        bare: List of names of convolutions larger than 1x1 that no block
            holds.
        hidden: List of names of layers that hold convolutions and cannot be
            looked into; φ stands behind some of them, never inside.
    """

    def __init__(self, positions, bare=(), hidden=()):
        super().__init__(positions)
        self.bare = list(bare)
        self.hidden = list(hidden)

    def __str__(self):
        rows = [("", "layer", "shape", "rule")]
        for number, (name, shape, rule) in enumerate(self):
            rows.append((str(number), name, _product(shape), rule))
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths))
            for row in rows
        ]
        for title, names in (
            ("without φ", self.bare),
            ("not looked into", self.hidden),
        ):
            if names:
                lines.append(f"{title}: {', '.join(names)}")
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def find_positions(model: keras.Model) -> FoundPositions:
    """Returns the positions that `perturb_model` finds in a network.

    Args:
        model: Functional or built Sequential `keras.Model`.

    Returns: a list of `Position(layer, shape, rule)`, from the input on, that
        prints as a table. Its attributes `bare` and `hidden` name
        convolutions without φ and layers that cannot be looked into.
    Raises: ValueError, if `model` is subclassed or unbuilt, or no position is
        found.

    >>> import keras
    >>> inputs = keras.Input((8, 8, 3))
    >>> features = keras.layers.Conv2D(4, 3, name="first")(inputs)
    >>> model = keras.Model(inputs, keras.layers.ReLU()(features))
    >>> print(find_positions(model))
       layer  shape  rule
    0  first  6x6x4  convolution
    """
    position_search.check_graph(model)
    found = position_search.search(model)
    rules = {
        step.operation: block.rule
        for step, block in zip(found.steps, found.blocks)
    }
    return FoundPositions(
        [
            Position(
                call.operation.name,
                tuple(call.outputs[0].shape[1:]),
                rules[call.operation],
            )
            for call in graph_reading.calls(model)
            if call.operation in rules
        ],
        found.bare,
        found.hidden,
    )


def warn_of_the_rest(model, found):
    """Warns once, if much of a network's main path is left without φ.

    Args:
        model: `keras.Model`.
        found: `position_search.Search`.
    """
    parts = []
    if 2 * len(found.bare) > len(found.blocks):
        bare = error_texts.few(found.bare, _NAMES)
        parts.append(f"convolutions of the main path without φ ({bare})")
    if found.hidden:
        hidden = error_texts.few(found.hidden, _NAMES)
        parts.append(
            "layers with convolutions inside, which cannot be looked into: φ "
            f"stands behind them at most ({hidden})"
        )
    if parts:
        warnings.warn(
            f"Model {model.name} has {' and '.join(parts)}. "
            "`mp_keras.find_positions(model)` shows where φ goes; to choose by "
            "hand, name the layers that it shall follow: "
            '`positions=["name", ...]`.',
            stacklevel=4,
        )


def _product(shape):
    return "x".join("?" if size is None else str(size) for size in shape)
