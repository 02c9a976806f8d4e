"""Monte Carlo prediction: probabilities averaged over the noise.

MetaPerturb, Algorithm 2, line 10: test examples are evaluated with a Monte
Carlo approximation, the softmax averaged over samples of the noise.
"""

import typing

import keras
import numpy as np
from keras import ops

from mp_keras import annotations
from mp_keras import argument_checks
from mp_keras import backends
from mp_keras import class_outputs
from mp_keras import normal_draws
from mp_keras import seeds
from mp_keras import untuned_datasets
from mp_keras.evaluation import model_inputs
from mp_keras.evaluation import noise_free_part
from mp_keras.graphs import layer_search

_SEED_STRIDE = 7919  # keeps the streams of neighbouring seeds apart
_SEEDS = 2**31
_SAMPLES_AT_ONCE = 2  # one computes while the other waits for its kernels


class MonteCarloClassifier(keras.Model):
    """A classifier's probabilities, averaged over noise samples.

    The noise is a function of the seed, the sample and the layer alone: calls
    are repeatable and leave the classifier as it is.

    Args:
        classifier: `keras.Model` from images to logits or probabilities. It
            may have several inputs and outputs.
        samples: Int >= 1, default 30. One pass serves a model that is without
            noise in test.
        from_logits: Bool, default True; of several outputs a list or dict of
            bools like them: those that end in logits. Other outputs are
            averaged as they are.
        **kwargs: Passed to `keras.Model`.

    Call arguments: a pair of images `(batch, height, width, channels)`, or all
        that the classifier takes, and integer seeds `(batch,)`, of which the
        first serves the whole batch.
    Output shape: `(batch, classes)`, float32 probabilities; of several outputs
        what the classifier returns.
    Raises: ValueError, if `samples` is below 1, or the classifier is no built
        model, or ends in probabilities or a single unit and `from_logits` is
        True.
    """

    def __init__(
        self,
        classifier: keras.Model,
        samples: int = 30,
        from_logits: annotations.PerOutput = True,
        **kwargs: typing.Any,
    ) -> None:
        # In half precision, Keras would cast images and weights on their way to
        # the classifier, also for its layers in float32.
        super().__init__(**{"dtype": keras.config.floatx(), **kwargs})
        if not isinstance(classifier, keras.Layer) or not classifier.built:
            raise ValueError(
                "Argument `classifier` must be a built keras.Model. "
                f"Received: classifier={classifier!r}"
            )
        argument_checks.check_at_least("samples", samples, 1)
        class_outputs.check_from_logits(classifier, from_logits)
        self.classifier = classifier
        self.from_logits = from_logits
        states = {
            id(noisy.seed_generator.state): index
            for index, noisy in enumerate(noisy_layers(classifier))
        }
        self.samples = samples if states else 1
        before, noisy_part = noise_free_part.split(classifier, _is_noisy)
        # In a dictionary of their own: Keras would track them as parts.
        self.__dict__["_before"] = before
        self.__dict__["_noisy_part"] = noisy_part
        self._stream_of = [
            states.get(id(variable))
            for variable in noisy_part.non_trainable_variables
        ]

    def call(self, inputs):
        images, noise_seeds = inputs
        return self.average(images, noise_seeds[0], self.samples)

    def predict(self, x, batch_size=None, *args, **kwargs):
        data = untuned_datasets.batched(x, batch_size)
        batch_size = batch_size if data is x else None  # in the data set
        return super().predict(data, batch_size, *args, **kwargs)

    def average(self, images, seed, samples):
        """Returns mean probabilities `(batch, classes)` over the samples.

        Args:
            images: Tensor `(batch, height, width, channels)`.
            seed: Integer scalar tensor.
            samples: Int or integer scalar tensor.
        """
        features = self.before_noise(images)
        total = self.sample_from(features, seed, 0)
        total = _loop(
            1,
            samples,
            lambda index, sum_: keras.tree.map_structure(
                ops.add, sum_, self.sample_from(features, seed, index)
            ),
            total,
        )
        return keras.tree.map_structure(
            lambda sum_: sum_ / ops.cast(samples, sum_.dtype), total
        )

    def sample(self, images, seed, index):
        """Returns the probabilities `(batch, classes)` of one noise sample."""
        return self.sample_from(self.before_noise(images), seed, index)

    def before_noise(self, images):
        """Returns what all samples have in common, for `sample_from`.

        Args:
            images: Tensor `(batch, height, width, channels)`.
        """
        if self._before is None:
            return images
        return self._before(images, training=False)

    def sample_from(self, features, seed, index):
        """Returns the probabilities `(batch, classes)` of one noise sample.

        Args:
            features: What `before_noise` returned.
            seed: Integer scalar tensor.
            index: Integer scalar tensor, number of the sample.
        """
        part = self._noisy_part
        trainable = [v.value for v in part.trainable_variables]
        state = []
        for variable, stream in zip(
            part.non_trainable_variables, self._stream_of
        ):
            value = variable.value
            if stream is not None:
                dtype = value.dtype
                first = ops.cast(seed, dtype) * _SEED_STRIDE
                first += seeds.stream_offset(stream)
                value = ops.stack([first, ops.cast(index, dtype)])
            state.append(value)
        with normal_draws.grouping():
            outputs, _ = part.stateless_call(
                trainable, state, features, training=False
            )
        return keras.tree.map_structure(
            _probabilities,
            outputs,
            class_outputs.per_output(self.from_logits, outputs),
        )


def monte_carlo_predict(
    model: keras.Model,
    images: annotations.Inputs,
    samples: int = 30,
    from_logits: annotations.PerOutput = True,
    batch_size: int = 128,
    seed: int = 0,
) -> typing.Any:
    """Returns class probabilities averaged over noise samples (Algorithm 2).

    Args:
        model: Built `keras.Model` from images to logits or probabilities. It
            may have several inputs and outputs.
        images: Array `(examples, height, width, channels)`, preprocessed as
            in training; or the list or dict of arrays that the model's
            `predict` takes, the first axis of each being the examples.
        samples: Int >= 1, default 30 (100 for the paper's tables).
        from_logits: Bool, default True; of several outputs a list or dict of
            bools like them: those that end in logits. Other outputs are
            averaged as they are.
        batch_size: Int, default 128: examples of one pass. Memory grows with
            it and not with `samples`: at most 100 MB and 32 float32 tensors
            of the largest feature map with noise, 2 MiB an example for
            ResNet20 at 32 pixels (docs/performance.md).
        seed: Int >= 0, default 0. The same seed gives the same answer.

    Returns: float32 array `(examples, classes)`; of several outputs the list
        or dict that `predict` returns.
    Raises: ValueError, if `images` has no 4-D array, no example or unequal
        numbers of them, `seed` or `samples` is out of its range, or an output
        that `from_logits` names ends in probabilities or a single unit.
    """
    averaged = MonteCarloClassifier(model, samples, from_logits)
    return predict_averaged(averaged, images, batch_size, seed)


def predict_averaged(averaged, images, batch_size=128, seed=0):
    """Returns what `monte_carlo_predict` does, of a classifier made before.

    For several calls: each `MonteCarloClassifier` makes its graph anew.

    Args:
        averaged: `MonteCarloClassifier`.

    Other args, returns, raises: as `monte_carlo_predict`.
    """
    images, examples = model_inputs.check(images, seed)
    noise_seeds = np.arange(examples, dtype="int32") + np.int32(seed)
    return averaged.predict(
        (images, noise_seeds), batch_size=batch_size, verbose=0
    )


def sample_logits(model, images, samples=30, batch_size=128, seed=0):
    """Returns the logits of each noise sample, `(samples, examples, classes)`.

    The samples are others than those of `monte_carlo_predict`; one serves a
    model that is without noise in test.

    Args, raises: as for `monte_carlo_predict`; the model ends in logits.
    """
    argument_checks.check_at_least("samples", samples, 1)
    class_outputs.check_logits(model)
    images, examples = model_inputs.check(images, seed)
    single = MonteCarloClassifier(model, 1, from_logits=False)
    count = samples if noisy_layers(model) else 1
    found = []
    for index in range(count):
        first = seed + index * examples  # batches have seeds of their own
        noise_seeds = np.arange(first, first + examples) % _SEEDS
        found.append(
            single.predict(
                (images, noise_seeds.astype("int32")),
                batch_size=batch_size,
                verbose=0,
            )
        )
    return np.stack(found)


def _probabilities(outputs, from_logits):
    outputs = ops.cast(outputs, "float32")
    return ops.softmax(outputs) if from_logits else outputs


def noisy_layers(model):
    """Returns the layers that draw noise in test mode as well.

    They have a true attribute `noisy_in_test` and own a `seed_generator`, as
    `MetaPerturbLayer` and `MonteCarloDropout` do.

    Args:
        model: `keras.Model`; layers of nested models are found as well.
    """
    return layer_search.find_layers(model, _is_noisy)


def _loop(start, stop, body, value):
    """`keras.ops.fori_loop`, with few iterations under way at once."""
    if not backends.is_tensorflow():
        return ops.fori_loop(start, stop, body, value)
    import tensorflow as tf

    # An iteration's noisy pass does not wait for the sum of those before it:
    # TensorFlow would hold the feature maps of ten of them.
    _, value = tf.while_loop(
        lambda index, _: index < stop,
        lambda index, value: (index + 1, body(index, value)),
        (tf.constant(start), value),
        parallel_iterations=_SAMPLES_AT_ONCE,
    )
    return value


def _is_noisy(layer):
    return getattr(layer, "noisy_in_test", False)
