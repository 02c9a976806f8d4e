"""Teaches one pass of a network to answer like the mean of many noisy ones.

Hinton et al., 2015, "Distilling the Knowledge in a Neural Network", without a
smaller network: all weights stay but the scales and shifts of batch norms and
the last layer with weights. Batch norm stays in test mode.

    images  = mixtures of two training images at random, shifted
    targets = mean over noise samples of softmax(logits)
    loss    = KL(targets, one pass), watched on other mixtures

The loss is linear in the targets, up to what no weight changes, so that few
noise samples of many mixtures teach the same mean as many of few, and more. The
trap: on the training images themselves the network is sure, with noise and
without, and there is nothing to learn from; hence the mixtures.
"""

import keras
import numpy as np
from keras import ops

from mp_keras import untuned_datasets
from mp_keras.evaluation import monte_carlo
from mp_keras.graphs import layer_search

_WATCHED = 10  # the mixtures over it say when to stop
_BATCH = 64
_ASKED = 16 * _BATCH  # mixtures that targets are asked for at once
_EPOCHS = 5
_PATIENCE = 3  # epochs without a better loss on the watched mixtures
_RATE = 5e-3  # at first; by a cosine to 0
_SHIFT = 8  # the height over it is the farthest shift, in pixels
_LEAST = 1e-30


def distil(still, noisy, images, samples, mixtures, seed):
    """Trains a network without noise towards the mean of its noisy original.

    Args:
        still: `keras.Model` from images to logits, changed here.
        noisy: The model that it is a copy of.
        images: Array `(examples, height, width, channels)`; no labels.
        samples: Int >= 1, noise samples of a target.
        mixtures: Int >= 1, to learn from.
        seed: Int >= 0, of mixtures and noise.
    """
    rng = np.random.default_rng(seed)
    train, watched = (
        _Mixtures(images, count, rng)
        for count in (mixtures, max(1, mixtures // _WATCHED))
    )
    averaged = monte_carlo.MonteCarloClassifier(noisy, samples)
    for each in (train, watched):
        each.ask(averaged, seed)
    trainable = {
        layer: layer.trainable
        for layer in layer_search.find_layers(still, _is_leaf)
    }
    variables = [(each, each.trainable) for each in still.variables]
    for layer in trainable:
        layer.trainable = False
    for layer in _learning(list(trainable)):
        layer.trainable = True
    student = _InTestMode(still, name="student")
    steps = _EPOCHS * -(-mixtures // _BATCH)  # rounded up
    student.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(_RATE, steps)
        ),
        _divergence,
    )
    start = student.get_weights()
    train, watched = map(untuned_datasets.listed, (train, watched))
    before = student.evaluate(watched, verbose=0)
    history = student.fit(
        train,
        epochs=_EPOCHS,
        validation_data=watched,
        callbacks=[
            keras.callbacks.EarlyStopping(
                patience=_PATIENCE, restore_best_weights=True
            )
        ],
        shuffle=False,  # mixtures are in no order
        verbose=0,
    )
    if not min(history.history["val_loss"]) < before:
        student.set_weights(start)
    for layer, value in trainable.items():
        layer.trainable = value
    for variable, value in variables:
        variable.trainable = value


class _InTestMode(keras.Model):
    """A network whose layers behave as in test while it trains."""

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False  # the network casts what it takes
        self.network = network
        self.built = True

    def call(self, inputs, training=False):
        return self.network(inputs, training=False)


def _divergence(targets, logits):
    """Returns KL(targets, softmax(logits)) in nats, `(batch,)`."""
    logs = ops.log_softmax(ops.cast(logits, "float32"))
    targets = ops.cast(targets, "float32")
    own = ops.log(ops.maximum(targets, _LEAST))
    return ops.sum(targets * (own - logs), axis=-1)


class _Mixtures(keras.utils.PyDataset):
    """Batches of mixtures of two images each, shifted, with their targets.

    Made when they are asked for: of large images, all at once need gigabytes.

    Args:
        images: Array `(examples, height, width, channels)`.
        count: Int, mixtures.
        rng: `numpy.random.Generator`.
    """

    def __init__(self, images, count, rng):
        super().__init__()
        self._images = images
        self._reach = max(1, images.shape[1] // _SHIFT)
        self._pairs = rng.integers(0, len(images), (count, 2))
        self._weights = rng.uniform(size=(count, 1, 1, 1)).astype("float32")
        self._corners = rng.integers(0, 2 * self._reach + 1, (count, 2))
        self._targets = np.empty((count, 0))  # none asked for yet

    def ask(self, averaged, seed):
        """Takes a `MonteCarloClassifier`'s answers as targets."""
        found = []
        for start in range(0, len(self._pairs), _ASKED):
            mixed = self._make(start, start + _ASKED)
            seeds = np.arange(start, start + len(mixed)) + seed
            found.append(
                averaged.predict(
                    (mixed, seeds.astype("int32")),
                    batch_size=_BATCH,
                    verbose=0,
                )
            )
        self._targets = np.concatenate(found)

    def __len__(self):
        return -(-len(self._pairs) // _BATCH)  # rounded up

    def __getitem__(self, index):
        start, stop = index * _BATCH, (index + 1) * _BATCH
        return self._make(start, stop), self._targets[start:stop]

    def _make(self, start, stop):
        pairs, weights = self._pairs[start:stop], self._weights[start:stop]
        first, second = (self._images[each] for each in pairs.T)
        mixed = weights * first + (1 - weights) * second
        sides = ((self._reach,) * 2, (self._reach,) * 2, (0, 0))
        height, width = mixed.shape[1:3]
        for number, (top, left) in enumerate(self._corners[start:stop]):
            padded = np.pad(mixed[number], sides)  # with edges of zeros
            mixed[number] = padded[top : top + height, left : left + width]
        return mixed


def _is_leaf(layer):
    return not layer._layers


def _learning(layers):
    """Returns batch norms and the last layer that has weights to train."""
    norms = [
        layer
        for layer in layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    last = [layer for layer in layers if layer._trainable_variables][-1:]
    return [*norms, *last]
