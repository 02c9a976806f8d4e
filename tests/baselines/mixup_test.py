"""Input mixup and Manifold Mixup against soft targets by hand."""

import keras
import numpy as np
import pytest
from keras import layers
from keras.src.trainers import trainer

import mp_keras
from mp_keras import baselines
from tests import small_networks

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def make_network(seed=0):
    """Two convolutions before activations: two positions, no batch norm."""
    keras.utils.set_random_seed(seed)
    inputs = features = keras.Input((8, 8, 3))
    for channels in (4, 5):
        features = layers.Conv2D(channels, 3, padding="same")(features)
        features = layers.ReLU()(features)
    features = layers.GlobalAveragePooling2D()(features)
    return keras.Model(inputs, layers.Dense(3)(features))


def batch(size=6):
    images = small_networks.draw_images(size, 8, 8, 3)
    return images, np.arange(size) % 3


def soft_loss(logits, first, second, weight):
    """Cross-entropy with the soft target, in NumPy."""
    logits = np.asarray(logits, "float64")
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    target = weight[:, None] * np.eye(3)[first]
    target += (1 - weight)[:, None] * np.eye(3)[second]
    return -np.mean(np.sum(target * logs, axis=1))


class ManifoldMixupTest:
    @pytest.mark.parametrize("layer", [0, 1, 2])
    def test_mixes_features_and_targets_at_one_layer(self, layer, monkeypatch):
        network, (images, labels) = make_network(), batch()
        model = baselines.ManifoldMixup(network, seed=0)
        model.compile("sgd", LOSS)
        partners, weight = np.array([3, 0, 1, 2, 5, 4]), np.float32(0.3)
        drawn = keras.ops.convert_to_tensor(layer), partners, weight
        monkeypatch.setattr(model, "_draw", lambda size: drawn)
        logits = model(images, training=True)
        loss = model.compute_loss(images, labels, logits)

        features, index = images, 0
        for each in network.layers:
            if isinstance(each, layers.InputLayer):
                pass
            elif isinstance(each, layers.Conv2D):
                features, index = each(features), index + 1
            else:
                features = each(features)
            if index == layer and not isinstance(each, layers.ReLU):
                if isinstance(each, layers.InputLayer | layers.Conv2D):
                    h = np.array(features)
                    features = 0.3 * h + 0.7 * h[partners]
        np.testing.assert_allclose(logits, features, rtol=1e-4, atol=1e-6)
        expected = soft_loss(logits, labels, labels[partners], np.full(6, 0.3))
        assert float(loss) == pytest.approx(expected, rel=1e-5)

    def test_mixes_behind_an_addition_that_is_no_layer(self):
        """As in ConvNeXt, whose blocks end in `inputs + features`."""
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(4, 3, padding="same")(inputs)
        branch = layers.Conv2D(4, 3, padding="same", activation="relu")
        features = features + branch(features)
        features = layers.GlobalAveragePooling2D()(features)
        network = keras.Model(inputs, layers.Dense(3)(features))
        (position,) = mp_keras.find_positions(network)
        assert position.layer not in [layer.name for layer in network.layers]
        model = baselines.ManifoldMixup(network, seed=0)
        assert len(model._mixtures) == 1
        images, labels = batch()
        drawn = keras.ops.convert_to_tensor(1), labels, np.float32(0.5)
        model._draw = lambda size: drawn
        mixed = model(images, training=True)
        assert np.abs(np.array(mixed) - np.array(network(images))).max() > 1e-6

    def test_every_layer_gets_its_turn_and_weights_follow_beta(self):
        model = baselines.ManifoldMixup(make_network(), alpha=0.5, seed=0)
        draws = [model._draw(6) for _ in range(200)]
        turns = np.bincount([int(draw[0]) for draw in draws], minlength=4)
        assert turns[3] == 0 and np.all(np.abs(turns[:3] - 67) < 30)
        assert {tuple(sorted(np.array(d[1]))) for d in draws} == {
            tuple(range(6))
        }
        weights = np.array([float(draw[2]) for draw in draws])
        assert weights.mean() == pytest.approx(0.5, abs=0.1)
        # Variance of Beta(a, a) is 1 / (4 (2 a + 1)).
        assert weights.var() == pytest.approx(1 / 8, abs=0.025)

    def test_features_are_mixed_behind_phi(self, monkeypatch):
        """Where φ stands between batch norm and activation, as in Conv4."""
        network = small_networks.make_network(stochastic=False)
        images, _ = batch()
        model = baselines.ManifoldMixup(network, seed=0)
        assert len(model._mixtures) == 2
        partners = np.array([3, 0, 1, 2, 5, 4])
        drawn = keras.ops.convert_to_tensor(2), partners, np.float32(0.3)
        monkeypatch.setattr(model, "_draw", lambda size: drawn)
        last = [
            layer
            for layer in network.layers
            if isinstance(layer, mp_keras.MetaPerturbLayer)
        ][-1]
        seen = {}
        original = type(last).call

        def call(layer, inputs, training=False):
            outputs = original(layer, inputs, training=training)
            seen[layer.name] = np.array(outputs)
            return outputs

        monkeypatch.setattr(type(last), "call", call)
        logits = model(images, training=True)
        h = seen[last.name]
        features = 0.3 * h + 0.7 * h[partners]
        for layer in network.layers[network.layers.index(last) + 1 :]:
            features = layer(features)
        np.testing.assert_allclose(logits, features, rtol=1e-4, atol=1e-6)

    def test_fit_learns_and_test_mode_is_the_network(self):
        network, (images, labels) = make_network(), batch(30)
        model = baselines.manifold_mixup_model(network, seed=0)
        model.compile(keras.optimizers.Adam(0.02), LOSS, metrics=["accuracy"])
        before = model.evaluate(images, labels, verbose=0)[0]
        model.fit(images, labels, batch_size=10, epochs=40, verbose=0)
        after = model.evaluate(images, labels, verbose=0)
        network.compile(loss=LOSS, metrics=["accuracy"])
        assert after[0] < before - 0.05
        alone = network.evaluate(images, labels, verbose=0)
        np.testing.assert_allclose(after, alone, rtol=1e-5)
        np.testing.assert_array_equal(
            model.predict(images, verbose=0), network.predict(images, verbose=0)
        )

    def test_weights_are_those_of_the_network_once(self):
        network = make_network()
        model = baselines.ManifoldMixup(network)
        assert [id(w) for w in model.trainable_variables] == [
            id(w) for w in network.trainable_variables
        ]

    def test_save_and_load(self, tmp_path):
        model = baselines.ManifoldMixup(make_network(), 1.5, seed=3)
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        images, _ = batch()
        np.testing.assert_array_equal(loaded(images), model(images))
        assert (loaded.alpha, loaded.seed) == (1.5, 3)

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match="`alpha`.*alpha=0"):
            baselines.ManifoldMixup(make_network(), 0)
        with pytest.raises(ValueError, match="`positions`.*'nowhere'"):
            baselines.ManifoldMixup(make_network(), positions=["nowhere"])
        with pytest.raises(ValueError, match="built keras.Model"):
            baselines.ManifoldMixup("network")


class MixupTest:
    def test_loss_is_that_of_the_soft_targets(self):
        network, (images, labels) = make_network(), batch()
        model = baselines.Mixup(network, 0.9, seed=0)
        model.compile("sgd", LOSS)
        logits = model(images, training=True)
        weights = np.ravel(model._mixing["mix_weight"])
        partners = np.array(model._mixing["permutation_order"])
        mixed = weights[:, None, None, None] * images
        mixed += (1 - weights)[:, None, None, None] * images[partners]
        np.testing.assert_allclose(logits, network(mixed), rtol=1e-4, atol=1e-5)
        loss = model.compute_loss(images, labels, logits)
        expected = soft_loss(logits, labels, labels[partners], weights)
        assert float(loss) == pytest.approx(expected, rel=1e-5)
        assert weights.std() > 0.05

    def test_sample_weights_count(self):
        model = baselines.Mixup(make_network(), 0.9, seed=0)
        model.compile("sgd", LOSS)
        images, labels = batch()
        logits = model(images, training=True)
        full = model.compute_loss(images, labels, logits, np.ones(6))
        half = model.compute_loss(images, labels, logits, np.full(6, 0.5))
        assert float(half) == pytest.approx(0.5 * float(full))

    def test_fit_trains_the_network(self):
        network, (images, labels) = make_network(), batch(30)
        model = baselines.mixup_model(network, seed=0)
        model.compile(keras.optimizers.Adam(0.02), LOSS, metrics=["accuracy"])
        before = model.evaluate(images, labels, verbose=0)[0]
        model.fit(images, labels, batch_size=10, epochs=40, verbose=0)
        assert model.evaluate(images, labels, verbose=0)[0] < before - 0.05

    def test_bad_alpha(self):
        with pytest.raises(ValueError, match="`alpha`.*alpha=2"):
            baselines.Mixup(make_network(), 2)


class SmallNetworkTest:
    def test_positions_are_those_of_phi(self):
        plain = mp_keras.networks.ResNet20(3, (16, 16, 3))
        model = baselines.ManifoldMixup(plain)
        assert len(model._mixtures) == 9

    @pytest.mark.tensorflow_only
    def test_keras_does_not_compile_it_with_xla(self):
        """TensorFlow's kernel of the Beta distribution is none of XLA's."""
        for model in (
            baselines.Mixup(make_network(), 0.9),
            baselines.ManifoldMixup(make_network()),
        ):
            assert not trainer.model_supports_jit(model)
