"""Weights of a source network in a target network."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from tests import small_networks


def conv4(classes=3, size=16, channels=4, **arguments):
    return mp_keras.networks.Conv4(
        classes, (size, size, 3), channels=channels, **arguments
    )


def weights_of(model, kind):
    return [
        array
        for layer in model.layers
        if isinstance(layer, kind)
        for array in layer.get_weights()
    ]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.fixture
def source():
    model = conv4()
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(size=w.shape) for w in model.get_weights()])
    return model


KINDS = (
    keras.layers.Conv2D,
    keras.layers.BatchNormalization,
    keras.layers.Dense,
)


class TransferWeightsTest:
    @pytest.mark.parametrize(
        ("exclude", "carried"),
        [
            (("batch_norm", "classifier"), (True, False, False)),
            (("classifier",), (True, True, False)),
            (("batch_norm",), (True, False, True)),
            ((), (True, True, True)),
        ],
    )
    def test_exclusions(self, source, exclude, carried):
        target = conv4()
        baselines.transfer_weights(source, target, exclude)
        for kind, expected in zip(KINDS, carried):
            pair = weights_of(source, kind), weights_of(target, kind)
            assert same(*pair) == expected, kind

    def test_phi_baselines_classes_and_size_may_differ(self, source):
        phi = small_networks.random_phi()
        for target in (
            conv4(7, 32, perturbation=phi),
            baselines.drop_block_model(conv4(7), 0.1, 3),
            baselines.information_dropout_model(conv4(7), 0.1),
        ):
            assert baselines.transfer_weights(source, target, ()) == 8
            convolutions = [
                weights_of(model, keras.layers.Conv2D)
                for model in (source, target)
            ]
            assert same(*convolutions)

    def test_other_architecture_raises_and_changes_nothing(self, source):
        target = conv4(channels=5)
        before = target.get_weights()
        with pytest.raises(ValueError, match="same architecture.*conv4"):
            baselines.transfer_weights(source, target)
        assert same(before, target.get_weights())

    def test_every_layer_with_weights_is_carried(self):
        def make():
            inputs = keras.Input((8, 8, 3))
            features = keras.layers.DepthwiseConv2D(3)(inputs)
            features = keras.layers.LayerNormalization()(features)
            features = keras.layers.GlobalAveragePooling2D()(features)
            return keras.Model(inputs, keras.layers.Dense(2)(features))

        first, second = make(), make()
        assert baselines.transfer_weights(first, second) == 2
        assert same(first.get_weights()[:1], second.get_weights()[:1])

    def test_nested_models_and_other_ends_are_refused(self, source):
        inputs = keras.Input((16, 16, 3))
        nested = keras.Model(inputs, source(inputs))
        with pytest.raises(ValueError, match="nested models.*conv4"):
            baselines.transfer_weights(nested, nested)
        headless = keras.Model(source.input, source.layers[3].output)
        with pytest.raises(ValueError, match="dense layer at the end"):
            baselines.transfer_weights(headless, headless)

    def test_unknown_exclusion_raises(self, source):
        with pytest.raises(ValueError, match="'batch_norm', 'classifier'"):
            baselines.transfer_weights(source, conv4(), ("dense",))
