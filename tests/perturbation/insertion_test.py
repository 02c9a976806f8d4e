"""perturb_model: whole networks, what is refused."""

import keras
import numpy as np
import pytest
from keras import layers

import mp_keras
from mp_keras import baselines
from mp_keras.perturbation import insertion
from mp_keras.perturbation import positions_of
from tests.perturbation import examples
from tests.perturbation import insertions


class ApplicationsTest:
    @pytest.mark.parametrize(
        ("network", "positions", "channels"),
        [
            pytest.param("ResNet50V2", 16, 2048, marks=pytest.mark.long),
            pytest.param("EfficientNetB0", 16, 320, marks=pytest.mark.long),
            ("MobileNetV3Small", 11, 96),
        ],
    )
    def test_application_trains_and_reloads(
        self, phi, tmp_path, network, positions, channels
    ):
        make = getattr(keras.applications, network)
        model = make(weights=None, classes=3, input_shape=(48, 48, 3))
        inputs = insertions.images(48, count=4)
        perturbed = mp_keras.perturb_model(model, phi, seed=5)
        names = [f"meta_perturb_{i}" for i in range(positions)]
        assert insertions.names_and_norms(perturbed) == [
            (name, channels, 48) for name in names
        ]
        insertions.assert_same_network(model, perturbed, inputs)
        for position in positions_of(perturbed):
            position.noise_coefficient.assign(1.0)

        perturbed.compile(
            keras.optimizers.SGD(1e-3),
            "sparse_categorical_crossentropy",
            run_eagerly=True,
        )
        perturbed.fit(inputs, np.array([0, 1, 2, 0]), verbose=0)
        perturbed.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        examples.restart_noise(perturbed)
        first, second = np.array([perturbed(inputs) for _ in range(2)])
        assert np.all(np.isfinite(first))
        assert np.any(first != second)  # there is noise to be repeated
        np.testing.assert_array_equal(loaded(inputs), first)
        np.testing.assert_array_equal(loaded(inputs), second)

    @pytest.mark.long  # half a minute to build
    def test_densenet_has_phi_in_each_dense_layer(self, phi):
        model = keras.applications.DenseNet121(
            weights=None, classes=3, input_shape=(32, 32, 3)
        )
        perturbed = mp_keras.perturb_model(model, phi)
        assert insertions.names_and_norms(perturbed) == [
            (f"meta_perturb_{index}", 128, 32) for index in range(58)
        ]
        assert insertions.followed(perturbed)[0] == "conv2_block1_1_bn"
        insertions.assert_same_network(model, perturbed, insertions.images(32))

    def test_vgg16_splits_activations_from_thirteen_convolutions(self, phi):
        model = keras.applications.VGG16(
            weights=None, classes=10, input_shape=(32, 32, 3)
        )
        perturbed = mp_keras.perturb_model(model, phi)
        assert len(positions_of(perturbed)) == 13
        assert insertions.followed(perturbed)[0] == "block1_conv1"
        block = perturbed.get_layer("block1_conv1")
        assert block.activation is keras.activations.linear
        assert perturbed.get_layer("fc1").activation is keras.activations.relu
        insertions.assert_same_network(model, perturbed, insertions.images(32))


class OurNetworksTest:
    @pytest.mark.parametrize(
        ("make", "size"),
        [
            (mp_keras.networks.Conv4, 16),
            (mp_keras.networks.Conv6, 24),
            (mp_keras.networks.ResNet20, 24),
            (mp_keras.networks.ResNet18, 8),
        ],
    )
    def test_auto_finds_the_positions_that_we_build(self, phi, make, size):
        shape = (size, size, 3)
        model = make(5, shape)
        built = make(5, shape, perturbation=phi, seed=3)
        perturbed = mp_keras.perturb_model(model, phi, seed=3)
        built.set_weights(perturbed.get_weights())
        assert insertions.names_and_norms(
            perturbed
        ) == insertions.names_and_norms(built)
        inputs = insertions.images(size)
        np.testing.assert_array_equal(
            perturbed(inputs, training=True), built(inputs, training=True)
        )

    def test_unknown_height_needs_the_spatial_norm(self, phi):
        model = mp_keras.networks.ResNet20(4, (None, None, 3))
        with pytest.raises(ValueError, match="`spatial_norm` must be given"):
            mp_keras.perturb_model(model, phi)
        perturbed = mp_keras.perturb_model(
            model, phi, spatial_norm=84, stochastic=False
        )
        for position in positions_of(perturbed):
            assert position.spatial_norm == 84
            assert not position.stochastic
        insertions.assert_same_network(model, perturbed, insertions.images(24))


class NestedModelsTest:
    def test_sequential_around_an_application(self, phi, tmp_path):
        backbone = keras.applications.MobileNetV3Small(
            weights=None, include_top=False, input_shape=(32, 32, 3)
        )
        backbone.trainable = False
        model = keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                layers.Rescaling(255.0),
                backbone,
                layers.GlobalAveragePooling2D(),
                layers.Dense(2),
            ]
        )
        perturbed = mp_keras.perturb_model(model, phi)
        inner = perturbed.get_layer(backbone.name)
        assert len(positions_of(inner)) == 11
        assert len(perturbed.trainable_variables) == 2
        inputs = insertions.images(32)
        perturbed.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(loaded(inputs), perturbed(inputs))
        insertions.assert_same_network(model, perturbed, inputs)

    def test_shared_inner_model_is_copied_once(self, phi):
        inner = keras.Sequential(
            [
                keras.Input((None, None, 3)),
                layers.Conv2D(4, 3, name="conv"),
                layers.BatchNormalization(),
                layers.ReLU(),
                layers.Conv2D(3, 1),
            ]
        )
        inputs = keras.Input((12, 12, 3))
        middle = inner(inputs)
        model = keras.Model(inputs, [middle, inner(middle)])
        perturbed = mp_keras.perturb_model(model, phi)
        assert insertions.names_and_norms(perturbed) == [
            ("meta_perturb_0", 4, 12)
        ]
        insertions.switch_off(perturbed)
        for ours, theirs in zip(
            perturbed(insertions.images(12)), model(insertions.images(12))
        ):
            np.testing.assert_array_equal(ours, theirs)

    def test_positions_are_numbered_from_the_input_on(self, phi):
        def block(channels, name):
            return keras.Sequential(
                [
                    layers.Conv2D(channels, 3),
                    layers.BatchNormalization(),
                    layers.ReLU(),
                ],
                name=name,
            )

        inputs = keras.Input((16, 16, 3))
        features = block(8, "b")(inputs)
        features = layers.Conv2D(4, 3)(features)
        features = layers.ReLU()(layers.BatchNormalization()(features))
        model = keras.Model(inputs, block(6, "a")(features))
        perturbed = mp_keras.perturb_model(model, phi, seed=10)
        found = positions_of(perturbed)
        channels = [position.moving_mean.shape[0] for position in found]
        assert channels == [8, 4, 6]
        assert [position.seed for position in found] == [10, 11, 12]

    def test_names_reach_into_inner_models(self, phi):
        inner = insertions.named_network()
        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, inner(inputs))
        perturbed = mp_keras.perturb_model(model, phi, ["relu"])
        assert insertions.followed(perturbed) == ["relu"]


class RefusedModelsTest:
    def test_phi_must_be_a_perturbation_function(self):
        with pytest.raises(ValueError, match="load_perturbation.*phi='ours'"):
            mp_keras.perturb_model(insertions.named_network(), "ours")

    def test_models_without_images_or_a_build(self, phi):
        model = keras.Sequential([layers.Conv2D(4, 3, activation="relu")])
        with pytest.raises(ValueError, match="must be built"):
            mp_keras.perturb_model(model, phi)
        inputs = keras.Input((8, 3))
        model = keras.Model(inputs, layers.Conv1D(4, 3)(inputs))
        with pytest.raises(ValueError, match="must take images"):
            mp_keras.perturb_model(model, phi)

    def test_subclassed_model(self, phi):
        class Subclassed(keras.Model):
            def call(self, inputs):
                return inputs

        for model in (Subclassed(), layers.ReLU(), None):
            with pytest.raises(ValueError, match="functional or Sequential"):
                mp_keras.perturb_model(model, phi)

    @pytest.mark.tensorflow_only
    def test_channels_first(self, phi):
        first = layers.Conv2D(4, 3, data_format="channels_first")
        inputs = keras.Input((3, 8, 8))
        model = keras.Model(inputs, layers.ReLU()(first(inputs)))
        with pytest.raises(ValueError, match="channels last.*channels_first"):
            mp_keras.perturb_model(model, phi)

    def test_perturbed_model(self, phi):
        model = mp_keras.perturb_model(insertions.named_network(), phi)
        nested = keras.Sequential([keras.Input((8, 8, 3)), model])
        for refused in (model, nested):
            with pytest.raises(ValueError, match="must be without φ"):
                mp_keras.perturb_model(refused, phi)


class PolicyTest:
    @pytest.mark.parametrize("name", ["mixed_bfloat16", "bfloat16"])
    def test_layers_compute_as_the_layer_before_them(self, phi, name):
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 3, dtype=name)(inputs)
        features = layers.ReLU(dtype=name)(features)
        network = keras.Model(inputs, features)
        (position,) = positions_of(mp_keras.perturb_model(network, phi))
        assert position.dtype_policy.name == name
        dtypes = {weight.dtype for weight in position.perturbation.weights}
        assert dtypes == {"float32"}
        dropped = insertion.insert_layers(
            network, lambda index: baselines.DropBlock(0.1)
        )
        (drop_block,) = (
            layer
            for layer in dropped.layers
            if isinstance(layer, baselines.DropBlock)
        )
        assert drop_block.dtype_policy.name == name
        assert keras.config.dtype_policy().name == "float32"

    def test_other_policy_of_the_session_leaves_the_network_alone(self, phi):
        network = keras.Sequential(
            [keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu")]
        )
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = insertion.insert_layers(
                network, lambda index: layers.Dropout(0.1)
            )
            assert keras.config.dtype_policy().name == "mixed_float16"
        finally:
            keras.config.set_dtype_policy("float32")
        policies = [layer.dtype_policy.name for layer in model.layers[1:]]
        assert policies == ["float32"] * 3  # convolution, dropout, activation
