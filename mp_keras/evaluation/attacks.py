"""Robustness against projected gradient descent (figures 5 and 8, appendix A).

For each step, foolbox does the steps, projections and clipping, this file the
gradients and the random start:

    gradient  = d/d images  log mean over noise samples of p(label | images)
    images    = images - step size * gradient / its norm  (linf: its sign)
    images    = projection onto the ball around the clean images, and [0, 1]

The trap: noise is no protection. An attacker who sees one sample of it climbs
a gradient that is partly noise; one who averages over samples ("expectation
over transformation", Athalye et al., ICML 2018) attacks what is predicted.
Report both: `gradient_samples` of 1 and of 10 or more.
"""

import itertools
from collections import abc

import keras
import numpy as np
import tensorflow as tf

from mp_keras import argument_checks
from mp_keras import class_outputs
from mp_keras.baselines import wrapped_network
from mp_keras.evaluation import noise_averaged
from mp_keras.evaluation import norm_ball

# Norm -> (foolbox's attack, step size as a part of epsilon): appendix A. For
# l1, foolbox steps along the gradient and shrinks what is outside the ball;
# the paper does not say how its steps and projections go.
NORMS = {
    "l1": ("L1PGD", 0.033),
    "l2": ("L2PGD", 0.025),
    "linf": ("LinfPGD", 0.025),
}


def robust_accuracy(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    norm: str,
    epsilons: abc.Iterable[float],
    steps: int = 200,
    gradient_samples: int = 10,
    samples: int = 30,
    random_start: bool = True,
    batch_size: int = 128,
    seed: int = 0,
    normalize: bool = True,
) -> dict[float, float]:
    """Returns the accuracy on adversarial images, for each radius.

    Args:
        model: `keras.Model` from images normalized to [-1, 1] to logits (but
            see `normalize`); of a wrapper of `mp_keras.baselines`, its network.
        images: Array `(examples, height, width, channels)` of pixels, uint8 or
            floats in [0, 1].
        labels: Integer array `(examples,)`, the true classes.
        norm: "linf", "l2" or "l1", of the perturbation.
        epsilons: Floats >= 0, radii of the ball around an image, in units of
            pixels in [0, 1]; 0 (the clean accuracy) need not be given.
        steps: Int >= 1, default 200.
        gradient_samples: Int >= 1, default 10: noise samples of one gradient.
        samples: Int >= 1, default 30: noise samples of a prediction.
        random_start: Bool. True (default) starts at a random point of the
            ball, as the attack that the paper cites does (Madry et al., ICLR
            2018); False at the image.
        batch_size: Int, default 128: images attacked at a time.
        seed: Int >= 0, default 0, of noise and starts.
        normalize: Bool, default True; False for a model that takes pixels from
            0 to 255, as those of `keras.applications` with their own
            preprocessing.

    Returns: dict from epsilon to accuracy in percent, in rising order; the
        first, at 0.0, is the clean accuracy. A model without noise in test is
        attacked with one sample. The model stays as it is.
    Raises: ValueError, if an argument is not as above or the model passes no
        gradient to its images; ImportError without foolbox.
    """
    model, images, labels = _check(model, images, labels)
    epsilons = sorted({0.0, *(_check_epsilon(value) for value in epsilons)})
    attacker = _Attacker(
        model, norm, steps, gradient_samples, random_start, normalize
    )
    predictor = noise_averaged.mean_probabilities(model, samples, normalize)
    hits = dict.fromkeys(epsilons, 0)
    for start in range(0, len(images), batch_size):
        batch = tf.constant(images[start : start + batch_size])
        truth = tf.constant(labels[start : start + batch_size])
        for epsilon in epsilons:
            adversarial = attacker.run(batch, truth, epsilon, seed + start)
            probabilities = predictor(adversarial, tf.constant(seed + start))
            predicted = np.argmax(probabilities, axis=1)
            hits[epsilon] += int(np.sum(predicted == truth.numpy()))
    return {radius: 100 * count / len(images) for radius, count in hits.items()}


def adversarial_images(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    norm: str,
    epsilon: float,
    steps: int = 200,
    gradient_samples: int = 10,
    random_start: bool = True,
    batch_size: int = 128,
    seed: int = 0,
    normalize: bool = True,
) -> np.ndarray:
    """Returns the images that `robust_accuracy` predicts, of one radius.

    Args and Raises: as for `robust_accuracy`.

    Returns: float32 array shaped like `images`, pixels in [0, 1].
    """
    model, images, labels = _check(model, images, labels)
    epsilon = _check_epsilon(epsilon)
    attacker = _Attacker(
        model, norm, steps, gradient_samples, random_start, normalize
    )
    batches = []
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        adversarial = attacker.run(
            tf.constant(images[part]),
            tf.constant(labels[part]),
            epsilon,
            seed + start,
        )
        batches.append(adversarial.numpy())
    return np.concatenate(batches)


class _Attacker:
    """PGD against one model, with gradients traced once for all radii."""

    def __init__(
        self, model, norm, steps, gradient_samples, random_start, normalize
    ):
        argument_checks.check_one_of("norm", norm, NORMS)
        argument_checks.check_at_least("steps", steps, 1)
        argument_checks.check_at_least("gradient_samples", gradient_samples, 1)
        self._foolbox = _import_foolbox()
        self._model = model
        self._norm = norm
        self._options = {"steps": steps, "random_start": random_start}
        self._gradient = noise_averaged.mean_gradient(
            model, gradient_samples, normalize
        )
        self._checked = False

    def run(self, images, labels, epsilon, seed):
        """Returns adversarial images, a tensor in [0, 1]."""
        if not epsilon:
            return images
        if not self._checked:
            noise_averaged.check_gradient(
                self._gradient, self._model, images, labels
            )
            self._checked = True
        name, step = NORMS[self._norm]
        base = getattr(self._foolbox.attacks, name)
        attack = type(name, (_NoisyPgd, base), {})(
            gradient=self._gradient,
            norm=self._norm,
            seed=seed,
            rel_stepsize=step,
            **self._options,
        )
        # foolbox asks this for its bounds alone and never uses the device;
        # without one, it would look for a GPU.
        bounded = self._foolbox.TensorFlowModel(
            self._model, bounds=(0, 1), device="/CPU:0"
        )
        return attack.run(bounded, images, labels, epsilon=epsilon)


class _NoisyPgd:
    """The parts of a foolbox attack that we replace."""

    def __init__(self, gradient, norm, seed, **options):
        super().__init__(**options)
        self.gradient = gradient
        self.norm = norm
        self.seed = seed

    def get_loss_fn(self, model, labels):
        steps = itertools.count()
        return lambda images: self.gradient(
            images, labels.raw, tf.constant(self.seed), tf.constant(next(steps))
        )

    def value_and_grad(self, loss_fn, x):
        return None, type(x)(loss_fn(x.raw))

    def get_random_start(self, x0, epsilon):
        # foolbox draws from TensorFlow's global generator; a seed of our own
        # repeats the attack and leaves that one alone.
        start = norm_ball.draw(self.norm, x0.shape, self.seed)
        return x0 + epsilon * x0.from_numpy(start)


def _check(model, images, labels):
    """Returns the network, pixels as float32 in [0, 1], labels as int32."""
    if isinstance(model, wrapped_network.WrappedNetwork):
        model = model.network
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(
            "Argument `model` must be a built keras.Model: an attack follows "
            "its gradient to the images, which a loaded SavedModel or another "
            f"function does not give. Received: model={model!r}"
        )
    class_outputs.check_logits(model)
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 4 or not len(images) or labels.shape != images.shape[:1]:
        raise ValueError(
            "Arguments `images` and `labels` must be (examples, height, "
            "width, channels) and (examples,), with an example at least. "
            f"Received: shapes {images.shape} and {labels.shape}"
        )
    if images.dtype == "uint8":
        images = images.astype("float32") / 255
    # Comparisons with NaN are false.
    elif not (
        images.dtype.kind == "f" and np.all((0 <= images) & (images <= 1))
    ):
        raise ValueError(
            "Argument `images` must hold pixels, uint8 or floats in [0, 1]; "
            "they are normalized here. Received: dtype "
            f"{images.dtype}, from {images.min()} to {images.max()}"
        )
    shape = (None, *images.shape[1:])
    logits = model.compute_output_spec(keras.KerasTensor(shape))
    classes = logits.shape[-1]
    if labels.dtype.kind not in "iu" or not np.all(
        (0 <= labels) & (labels < classes)
    ):
        raise ValueError(
            f"Argument `labels` must hold integers in [0, {classes}). "
            f"Received: labels={np.unique(labels)[:10]}"
        )
    return model, images.astype("float32"), labels.astype("int32")


def _check_epsilon(epsilon):
    if not 0 <= epsilon < np.inf:
        raise ValueError(
            "Argument `epsilons` must hold finite numbers of at least 0. "
            f"Received: {epsilon}"
        )
    return float(epsilon)


def _import_foolbox():
    try:
        import foolbox
    except ImportError as error:
        raise ImportError(
            "Attacks need the package foolbox: pip install foolbox==3.3.4"
        ) from error
    return foolbox
