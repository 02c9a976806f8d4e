"""Small networks of the kinds that people publish, for `find_positions`."""

import keras
from keras import layers
from keras import ops


def image(size=32):
    return keras.Input((size, size, 3))


def head(features):
    return layers.Dense(3)(layers.GlobalAveragePooling2D()(features))


def conv_norm(features, channels, size=3, strides=1, **arguments):
    arguments = {"padding": "same", **arguments}
    convolution = layers.Conv2D(channels, size, strides, **arguments)
    return layers.BatchNormalization()(convolution(features))


def conv_norm_relu(features, channels, size=3, strides=1, **arguments):
    return layers.ReLU()(
        conv_norm(features, channels, size, strides, **arguments)
    )


def chain(*blocks, size=32):
    inputs = features = image(size)
    for block in blocks:
        features = block(features)
    return keras.Model(inputs, head(features))


def vgg16(size):
    return keras.applications.VGG16(
        weights=None, include_top=False, input_shape=(size, size, 3)
    )


def vgg16_with_head(block, size=64):
    network = vgg16(size)
    return keras.Model(network.input, head(block(network.output)))


def fcn(levels):
    """VGG16 with the class scores of several levels added."""
    network = vgg16(64)
    scores = layers.Conv2D(4, 1)(network.output)
    for level in levels:
        skip = network.get_layer(f"block{level}_pool").output
        scores = layers.Conv2DTranspose(4, 4, 2, "same")(scores)
        scores = layers.Add()([scores, layers.Conv2D(4, 1)(skip)])
    return keras.Model(
        network.input,
        layers.Conv2DTranspose(4, 16, 8, "same", activation="softmax")(scores),
    )


def squeeze_and_excite(features):
    channels = features.shape[-1]
    gate = layers.GlobalAveragePooling2D()(features)
    gate = layers.Dense(channels // 4, activation="relu")(gate)
    gate = layers.Dense(channels, activation="sigmoid")(gate)
    return layers.Multiply()([features, layers.Reshape((1, 1, channels))(gate)])


def convolutional_attention(features):
    """Two additions of vectors and a gate of one channel."""
    channels = features.shape[-1]
    hidden = layers.Conv2D(channels // 4, 1, activation="relu")
    out = layers.Conv2D(channels, 1)
    gate = layers.Add()(
        [
            out(hidden(layers.GlobalAveragePooling2D(keepdims=True)(features))),
            out(hidden(layers.GlobalMaxPooling2D(keepdims=True)(features))),
        ]
    )
    features = layers.Multiply()([features, layers.Activation("sigmoid")(gate)])
    gate = layers.Concatenate()(
        [
            ops.mean(features, axis=-1, keepdims=True),
            ops.max(features, axis=-1, keepdims=True),
        ]
    )
    gate = layers.Conv2D(1, 7, padding="same", activation="sigmoid")(gate)
    return layers.Multiply()([features, gate])


def attention_gate(skip, signal):
    gate = layers.Add()(
        [
            layers.Conv2D(8, 2, 2, padding="same")(skip),
            layers.Conv2D(8, 1)(signal),
        ]
    )
    gate = layers.Conv2D(1, 1, activation="sigmoid")(layers.ReLU()(gate))
    return layers.Multiply()([skip, layers.UpSampling2D()(gate)])


def two_convolutions(features, channels):
    return conv_norm_relu(conv_norm_relu(features, channels), channels)


def residual(features, channels, strides=1, excite=None):
    branch = conv_norm_relu(features, channels, strides=strides)
    branch = conv_norm(branch, channels)
    branch = excite(branch) if excite else branch
    if strides != 1 or features.shape[-1] != channels:
        features = layers.Conv2D(channels, 1, strides)(features)
    return layers.ReLU()(layers.Add()([branch, features]))


def u_net(block, gate=None, size=32):
    """Seven blocks: three levels down, the bottom, three levels up."""
    inputs = features = keras.Input((size, size, 3))
    skips = []
    for channels in (8, 16, 32):
        features = block(features, channels)
        skips.append(features)
        features = layers.MaxPooling2D()(features)
    features = block(features, 64)
    for channels, skip in zip((32, 16, 8), reversed(skips)):
        skip = gate(skip, features) if gate else skip
        features = layers.Conv2DTranspose(channels, 2, 2)(features)
        features = block(layers.Concatenate()([features, skip]), channels)
    outputs = layers.Conv2D(1, 1, activation="sigmoid")(features)
    return keras.Model(inputs, outputs)


def reg_net(excite=None):
    inputs = image(64)
    features = conv_norm_relu(inputs, 16, strides=2)
    for channels, depth in ((16, 2), (32, 3), (64, 2)):
        for index in range(depth):
            strides = 1 if index else 2
            branch = conv_norm_relu(features, channels, 1)
            branch = conv_norm_relu(
                branch, channels, strides=strides, groups=channels // 8
            )
            branch = excite(branch) if excite else branch
            branch = conv_norm(branch, channels, 1)
            if index == 0:
                features = conv_norm(features, channels, 1, strides)
            features = layers.ReLU()(features + branch)
    return keras.Model(inputs, head(features))


def ghost_net():
    """Residual blocks of two modules that each end in a concatenation."""

    def module(features, channels, activate):
        ghost = conv_norm(features, channels // 2, 1)
        ghost = layers.ReLU()(ghost) if activate else ghost
        cheap = layers.DepthwiseConv2D(3, padding="same")(ghost)
        cheap = layers.BatchNormalization()(cheap)
        cheap = layers.ReLU()(cheap) if activate else cheap
        return layers.Concatenate()([ghost, cheap])

    def block(features):
        branch = module(module(features, 32, True), 16, False)
        return layers.Add()([features, branch])

    return chain(lambda x: conv_norm_relu(x, 16), block, block)


def super_resolution():
    """Residual blocks, and a skip around all of them."""
    inputs = image()
    features = first = layers.Conv2D(8, 3, padding="same")(inputs)
    for _ in range(4):
        branch = layers.Conv2D(8, 3, padding="same", activation="relu")(
            features
        )
        branch = layers.Conv2D(8, 3, padding="same")(branch)
        features = layers.Add()([features, branch])
    features = layers.Conv2D(8, 3, padding="same")(features) + first
    return keras.Model(inputs, layers.Conv2D(3, 3, padding="same")(features))


def dense_net_of_lists():
    inputs = image()
    maps = [conv_norm_relu(inputs, 8)]
    for index in range(4):
        joined = layers.Concatenate()(list(maps)) if index else maps[0]
        maps.append(conv_norm_relu(joined, 4))
    return keras.Model(inputs, head(layers.Concatenate()(maps)))


def pyramid():
    """Residual blocks whose maps are added across sizes."""
    inputs = image(64)
    features = conv_norm_relu(inputs, 8)
    maps = []
    for channels in (8, 16, 32):
        features = residual(features, channels, strides=2)
        maps.append(layers.Conv2D(8, 1)(features))
    outputs = [maps[2]]
    for each in (maps[1], maps[0]):
        outputs.append(each + layers.UpSampling2D()(outputs[-1]))
    return keras.Model(inputs, outputs)


class OwnBlock(layers.Layer):
    """A residual block that is one layer: nobody can look into it."""

    def __init__(self, channels, **kwargs):
        super().__init__(**kwargs)
        self.channels = channels
        self.convolution = layers.Conv2D(channels, 3, padding="same")
        self.norm = layers.BatchNormalization()

    def call(self, inputs, training=None):
        features = self.norm(self.convolution(inputs), training=training)
        return ops.relu(inputs + features)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


class OwnAttention(layers.Layer):
    """A gate of one channel for the whole map; no block."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.convolution = layers.Conv2D(1, 7, padding="same")

    def call(self, inputs):
        mean = ops.mean(inputs, axis=-1, keepdims=True)
        return inputs * ops.sigmoid(self.convolution(mean))


def mixed_blocks(size):
    """Inception's: a block that keeps the map, one without padding."""

    def mixed(features, strides, padding):
        branch = conv_norm_relu(features, 8, 1)
        return layers.Concatenate()(
            [
                conv_norm_relu(branch, 8, 3, strides, padding=padding),
                layers.MaxPooling2D(3, strides, padding)(features),
            ]
        )

    return chain(
        lambda x: mixed(x, 1, "same"), lambda x: mixed(x, 2, "valid"), size=size
    )
