"""What every block of the few-shot network puts out, with and without noise.

For pictures: features of the last layer (figure 4), activations (figures 6 and
7), what the decoder reconstructs (appendix C of Lee et al., ICLR 2020).
"""

import tensorflow as tf

from mp_keras import argument_checks
from mp_keras.few_shot import forward_pass
from mp_keras.few_shot import network as network_module
from mp_keras.few_shot import noise_stream


def clean_outputs(network, values, images):
    """Returns the outputs of the query pass, in which nothing is drawn.

    Args:
        network: `FewShotNetwork`.
        values: Dict from name to tensor, at least the network's own weights.
        images: Float array `(examples, height, width, channels)`, pixels in
            [0, 1]; batch norm takes their statistics.

    Returns: list of float tensors: the output of each block `(examples,
        height, width, channels)`, after its max-pool; the inputs of the dense
        layer `(examples, features)`; the logits.
    """
    images = tf.cast(images, values["logits/kernel"].dtype)
    return _outputs(network, images, forward_pass.ForwardPass(values))


def noisy_outputs(network, values, images, seed, copies):
    """Returns the outputs of passes with noise, as in the inner steps.

    Args:
        network: `FewShotNetwork`; so are `values` and `images` as above.
        seed: Int array `(2,)`.
        copies: Int >= 1: every example that often, each with its own noise.

    Returns: list of float tensors as of `clean_outputs`, with the copies on an
        axis before all others.
    Raises: ValueError, if `copies` is less than 1.
    """
    argument_checks.check_at_least("copies", copies, 1)
    dtype = values["logits/kernel"].dtype
    images = tf.cast(images, dtype)
    stream = noise_stream.NoiseStream(seed, dtype)
    examples = images.shape[0]
    # A perturbation may mix labels: nobody looks at them here.
    targets = tf.zeros((examples, network.classes), dtype)
    if network.perturbation.BATCHED:
        state = forward_pass.ForwardPass(
            values, stream, copies, tf.tile(targets, (copies, 1))
        )
        return [
            tf.reshape(each, (copies, examples, *each.shape[1:]))
            for each in _outputs(network, images, state)
        ]
    passes = [
        _outputs(
            network,
            images,
            forward_pass.ForwardPass(values, stream.fork(copy), 1, targets),
        )
        for copy in range(copies)
    ]
    return [tf.stack(outputs) for outputs in zip(*passes)]


def noise_shares(network, values, images, seed, copies=10):
    """Returns how much of each output is noise, as numbers in [0, 1].

    The deviation over noisy copies of the same images, by the outputs' own
    size: sqrt(mean of the variances / mean of the squares).

    Args: those of `noisy_outputs`; `copies` 10 by default.

    Returns: list of scalar tensors, of each block, and of the logits.
    """
    *blocks, _, logits = noisy_outputs(network, values, images, seed, copies)
    return [
        tf.sqrt(
            tf.math.divide_no_nan(
                tf.reduce_mean(tf.math.reduce_variance(outputs, axis=0)),
                tf.reduce_mean(tf.square(outputs)),
            )
        )
        for outputs in (*blocks, logits)
    ]


def without_perturbation(network):
    """Returns the same `FewShotNetwork`, perturbed nowhere.

    It takes the same dict of weights, of which it leaves some alone.
    """
    return network_module.FewShotNetwork(
        network.classes, network.input_shape, network.channels
    )


def _outputs(network, images, state):
    *blocks, flat, logits = network.stages(images, state)
    return [*(output for _, output in blocks), flat, logits]
