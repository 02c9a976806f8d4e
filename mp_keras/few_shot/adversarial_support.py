"""Adversarial training of the inner steps (Lee et al., ICLR 2020, figure 5)."""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras.few_shot import perturbation


class AdversarialSupport(perturbation.Perturbation):
    """Learns from support images that one step of FGSM has made harder.

    x + epsilon * sign(d loss / d x), clipped to [0, 1] (Goodfellow et al.,
    ICLR 2015). No gradient goes through the sign. Query images stay.

    Args:
        epsilon: Float >= 0, in units of pixels in [0, 1].

    Raises: ValueError, if `epsilon` is negative.
    """

    def __init__(self, epsilon):
        argument_checks.check_at_least("epsilon", epsilon, 0)
        self.epsilon = epsilon

    def support_images(self, images, gradient_fn):
        direction = tf.stop_gradient(tf.sign(gradient_fn(images)))
        return tf.clip_by_value(images + self.epsilon * direction, 0.0, 1.0)
