"""Where a perturbation may act in the few-shot network; by itself: nowhere.

Lee et al., ICLR 2020, table 2 compares perturbations of the inner steps of
MAML. Each is a class with the same hooks as this one, which is MAML's.
"""


class Perturbation:
    """No perturbation (MAML), and the base of all others.

    Class attributes: `BATCHED`, whether several noise samples are copies in
    one batch, or passes of their own; `STOCHASTIC`, whether samples differ.
    """

    BATCHED = True
    STOCHASTIC = False

    def specs(self, block_shapes, logits_shape):
        """Returns the `WeightSpec`s that it adds, a list.

        Args:
            block_shapes: For each block the shape of its kernel, `(3, 3,
                channels of its input, channels)`.
            logits_shape: Shape of the dense kernel, `(features, classes)`.
        """
        return []

    def weights(self, state):
        """Returns the weights to use in this pass, a dict like its own.

        Args:
            state: `ForwardPass`, here and in all hooks.
        """
        return state.weights

    def support_images(self, images, gradient_fn):
        """Returns the images of an inner step.

        Args:
            images: Float tensor `(examples, height, width, channels)`.
            gradient_fn: Function from images to the gradient of the loss
                with respect to them.
        """
        return images

    def block_inputs(self, block, inputs, state):
        """Returns the inputs of a block; block 0 has the images.

        Args:
            block: Int; the number after the last block stands for the
                features of the dense layer, `(batch, features)`.
            inputs: Float tensor `(batch, height, width, channels)`.
        """
        return inputs

    def features(self, block, inputs, features, state):
        """Returns a block's convolution output, before its batch norm.

        Args:
            block: Int.
            inputs: Float tensor, the inputs of the block.
            features: Float tensor `(batch, height, width, channels)`.
        """
        return features

    def normed(self, block, inputs, normed, state):
        """Returns what a block's ReLU takes, after its batch norm.

        Args:
            block: Int.
            inputs: Float tensor, the inputs of the block.
            normed: Float tensor `(batch, height, width, channels)`.
        """
        return normed

    def logits(self, inputs, logits, state):
        """Returns the logits.

        Args:
            inputs: Float tensor `(batch, features)`, of the dense layer.
            logits: Float tensor `(batch, classes)`.
        """
        return logits
