"""Activations of one block with noise and without (figures 6 and 7).

Lee et al., ICLR 2020, appendix C. Three kinds of the same images:

    unperturbed:   the factor of every block is 1
    expected:      the query pass, whose factor is softplus(mean)
    stochastic:    passes of the inner steps, whose factor is drawn
"""

import dataclasses

import numpy as np

from mp_keras.few_shot import block_outputs
from mp_keras.few_shot import network as network_module


@dataclasses.dataclass(frozen=True)
class ActivationView:
    """The output of one block, after its max-pool.

    Attributes:
        unperturbed: Array `(examples, height, width, channels)`, of the
            network without its perturbation.
        expected: Array shaped like it, of the query pass.
        stochastic: Array `(copies, examples, height, width, channels)`, of
            passes with noise.
    """

    unperturbed: np.ndarray
    expected: np.ndarray
    stochastic: np.ndarray

    def strongest_channel(self, example=0):
        """Returns the channel of the highest mean activation, an int."""
        means = np.mean(self.expected[example], axis=(0, 1))
        return int(np.argmax(means))


def view_activations(network, values, images, block, seed, copies=10):
    """Returns the `ActivationView` of a block.

    Args:
        network: `FewShotNetwork`.
        values: Dict from name to tensor: the weights to start from, or those
            that `FewShotLearner.adapt` returns.
        images: Float array `(examples, height, width, channels)`, pixels in
            [0, 1]; batch norm takes their statistics.
        block: Int, 0 to 3; the paper's layer is one more.
        seed: Int array `(2,)`, of the noise.
        copies: Int >= 1, default 10.

    Raises: ValueError, if `block` or `copies` is out of its range.
    """
    check_block(block)
    plain = block_outputs.without_perturbation(network)
    return ActivationView(
        unperturbed=block_outputs.clean_outputs(plain, values, images)[
            block
        ].numpy(),
        expected=block_outputs.clean_outputs(network, values, images)[
            block
        ].numpy(),
        stochastic=block_outputs.noisy_outputs(
            network, values, images, seed, copies
        )[block].numpy(),
    )


def check_block(block):
    """Raises ValueError, if the network has no such block."""
    if block not in range(network_module.BLOCKS):
        raise ValueError(
            "Argument `block` must be an int from 0 to "
            f"{network_module.BLOCKS - 1}. Received: block={block}"
        )
