"""Monte Carlo prediction: probabilities averaged over the noise.

MetaPerturb, Algorithm 2, line 10: test examples are evaluated with a Monte
Carlo approximation, the softmax averaged over samples of the noise.
"""

import keras
import numpy as np
from keras import ops

from mp_keras import layer_search
from mp_keras import seeds

_SEED_STRIDE = 7919  # keeps the streams of neighbouring seeds apart


class MonteCarloClassifier(keras.Model):
    """A classifier's probabilities, averaged over noise samples.

    The noise is a function of the seed, the sample and the layer alone: calls
    are repeatable and leave the classifier as it is.

    Args:
        classifier: `keras.Model` from images to logits or probabilities.
        samples: Int >= 1, default 30. One pass serves a model that is without
            noise in test.
        from_logits: Bool, default True.
        **kwargs: Passed to `keras.Model`.

    Call arguments: a pair of images `(batch, height, width, channels)` and
        integer seeds `(batch,)`, of which the first serves the whole batch.
    Output shape: `(batch, classes)`, float32 probabilities.
    Raises: ValueError, if `samples` is below 1.
    """

    def __init__(self, classifier, samples=30, from_logits=True, **kwargs):
        super().__init__(**kwargs)
        if samples < 1:
            raise ValueError(
                "Argument `samples` must be at least 1. "
                f"Received: samples={samples}"
            )
        self.classifier = classifier
        self.from_logits = from_logits
        states = {
            id(noisy.seed_generator.state): index
            for index, noisy in enumerate(noisy_layers(classifier))
        }
        self.samples = samples if states else 1
        self._stream_of = [
            states.get(id(variable))
            for variable in classifier.non_trainable_variables
        ]

    def call(self, inputs):
        images, noise_seeds = inputs
        return self.average(images, noise_seeds[0], self.samples)

    def average(self, images, seed, samples):
        """Returns mean probabilities `(batch, classes)` over the samples.

        Args:
            images: Tensor `(batch, height, width, channels)`.
            seed: Integer scalar tensor.
            samples: Int or integer scalar tensor.
        """
        total = self.sample(images, seed, 0)
        total = ops.fori_loop(
            1,
            samples,
            lambda index, sum_: sum_ + self.sample(images, seed, index),
            total,
        )
        return total / ops.cast(samples, total.dtype)

    def sample(self, images, seed, index):
        """Returns the probabilities `(batch, classes)` of one noise sample."""
        trainable = [v.value for v in self.classifier.trainable_variables]
        state = []
        for variable, stream in zip(
            self.classifier.non_trainable_variables, self._stream_of
        ):
            value = variable.value
            if stream is not None:
                dtype = value.dtype
                first = ops.cast(seed, dtype) * _SEED_STRIDE
                first += seeds.stream_offset(stream)
                value = ops.stack([first, ops.cast(index, dtype)])
            state.append(value)
        outputs, _ = self.classifier.stateless_call(
            trainable, state, images, training=False
        )
        outputs = ops.cast(outputs, "float32")
        return ops.softmax(outputs) if self.from_logits else outputs


def monte_carlo_predict(
    model, images, samples=30, from_logits=True, batch_size=128, seed=0
):
    """Returns class probabilities averaged over noise samples (Algorithm 2).

    Args:
        model: `keras.Model` from images to logits or probabilities.
        images: Array `(examples, height, width, channels)`, preprocessed as
            in training.
        samples: Int >= 1, default 30 (100 for the paper's tables).
        from_logits: Bool, default True.
        batch_size: Int, default 128: examples of one pass; memory grows with
            it, not with `samples`.
        seed: Int >= 0, default 0. The same seed gives the same answer.

    Returns: float32 array `(examples, classes)`.
    Raises: ValueError, if `images` is not 4-D or `samples` is below 1.
    """
    images = ops.convert_to_numpy(images)
    if images.ndim != 4:
        raise ValueError(
            "Argument `images` must be (examples, height, width, channels). "
            f"Received: shape {images.shape}"
        )
    averaged = MonteCarloClassifier(model, samples, from_logits)
    noise_seeds = np.arange(len(images), dtype="int32") + np.int32(seed)
    return averaged.predict(
        (images, noise_seeds), batch_size=batch_size, verbose=0
    )


def noisy_layers(model):
    """Returns the layers that draw noise in test mode as well.

    They have a true attribute `noisy_in_test` and own a `seed_generator`, as
    `MetaPerturbLayer` and `MonteCarloDropout` do.

    Args:
        model: `keras.Model`; layers of nested models are found as well.
    """
    return layer_search.find_layers(
        model, lambda layer: getattr(layer, "noisy_in_test", False)
    )
