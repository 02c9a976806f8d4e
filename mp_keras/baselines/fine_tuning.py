"""Fine-tuning: a target network starts from the weights of a source network.

MetaPerturb, table 1: the source is the same network trained on Tiny ImageNet.
The authors' code leaves batch norm and the classifier at their initial values;
both choices are open here. Layers of φ or of a baseline are left alone, and so
is a temperature, which has no weights.
"""

from collections import abc

import keras

from mp_keras.baselines import placed_layers
from mp_keras.graphs import graph_reading

EXCLUSIONS = ("batch_norm", "classifier")
_CLASSIFIER = keras.layers.Dense


def transfer_weights(
    source: keras.Model,
    target: keras.Model,
    exclude: abc.Iterable[str] = EXCLUSIONS,
) -> int:
    """Copies the weights of a source network into a target network.

    Args:
        source: Functional `keras.Model`, trained.
        target: Functional `keras.Model` of the same architecture; the number
            of classes, the input size and what regularizes it may differ.
        exclude: Any of "batch_norm" and "classifier" (the last dense layer),
            default both. A classifier of another shape is never copied.

    Returns: the number of layers copied.
    Raises: ValueError, if the layers of the two networks do not correspond,
        the last with weights is no dense one, a model is nested, or `exclude`
        holds anything else.
    """
    unknown = set(exclude) - set(EXCLUSIONS)
    if unknown:
        raise ValueError(
            f"Argument `exclude` may hold {EXCLUSIONS}. "
            f"Received: {sorted(unknown)}"
        )
    pairs = _pairs(source, target)
    classifier = pairs.pop()
    if "classifier" not in exclude and _shapes_agree(*classifier):
        pairs.append(classifier)
    copied = 0
    for old, new in pairs:
        normalizes = isinstance(old, keras.layers.BatchNormalization)
        if normalizes and "batch_norm" in exclude:
            continue
        new.set_weights(old.get_weights())
        copied += 1
    return copied


def _pairs(source, target):
    """Returns the corresponding layers of both, the classifier last."""
    sides = [_layers_with_weights(model) for model in (source, target)]
    pairs = list(zip(*sides))
    agree = len(sides[0]) == len(sides[1]) and all(
        type(old) is type(new) and _shapes_agree(old, new)
        for old, new in pairs[:-1]
    )
    if not pairs or not agree or not isinstance(pairs[-1][1], _CLASSIFIER):
        raise ValueError(
            "Arguments `source` and `target` must have the same architecture. "
            f"Received: {source.name} with {len(sides[0])} layers with weights "
            f"and {target.name} with {len(sides[1])}, or of other shapes, or "
            "without a dense layer at the end"
        )
    return pairs


def _layers_with_weights(model):
    """Returns the layers of the network itself, φ and rivals left out."""
    nested = [
        layer.name for layer in model.layers if graph_reading.is_graph(layer)
    ]
    if nested:
        raise ValueError(
            "Weights are carried between networks without nested models. "
            f"Received: {model.name} with {nested} inside"
        )
    return [
        layer
        for layer in model.layers
        if layer.weights and not isinstance(layer, placed_layers.KINDS)
    ]


def _shapes_agree(old, new):
    return [w.shape for w in old.weights] == [w.shape for w in new.weights]
