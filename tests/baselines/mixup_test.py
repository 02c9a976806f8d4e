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


def make_network(seed=0, dtype=None, largest=1):
    """Two convolutions before activations: two positions, no batch norm."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 3), dtype=dtype)
    features = layers.Rescaling(1 / largest)(inputs)
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


def draw_pixels(dtype="uint8", largest=255, size=6):
    pixels = np.random.default_rng(2).integers(0, largest, (size, 8, 8, 3))
    return pixels.astype(dtype)


PARTNERS = np.array([3, 0, 1, 2, 5, 4])


def fixed_mixup(network, parts, alpha=0.9):
    """A `Mixup` that mixes each example with its partner by these parts."""
    model = baselines.Mixup(network, alpha, seed=0)
    drawn = {
        "mix_weight": keras.ops.convert_to_tensor(parts, "float32"),
        "permutation_order": keras.ops.convert_to_tensor(PARTNERS),
    }
    model.mix_up.get_random_transformation = lambda images: drawn
    return model


def fixed_manifold_mixup(network, layer, part, **arguments):
    """A `ManifoldMixup` that mixes behind one layer, by one part."""
    model = baselines.ManifoldMixup(network, seed=0, **arguments)
    drawn = (
        keras.ops.convert_to_tensor(layer),
        keras.ops.convert_to_tensor(PARTNERS),
        keras.ops.convert_to_tensor(part, "float32"),
    )
    model._draw = lambda size: drawn
    return model


def mixed_by_hand(images, part):
    """part * images + (1 - part) * partners, in float64."""
    part = np.reshape(part, (-1, 1, 1, 1))
    images = images.astype("float64")
    return part * images + (1 - part) * images[PARTNERS]


def entropies(logits, labels):
    """Cross-entropy of each example, in NumPy."""
    logits = np.asarray(logits, "float64")
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return -logs[np.arange(len(labels)), labels]


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

    @pytest.mark.parametrize("dtype", ["uint8", "int32"])
    def test_integer_images_are_mixed(self, dtype):
        network, images = make_network(largest=255), draw_pixels(dtype)
        mixed = mixed_by_hand(images, 0.9).astype("float32")
        for layer, given in ((0, mixed), (3, images)):  # 3: behind no layer
            model = fixed_manifold_mixup(network, layer, 0.9)
            np.testing.assert_allclose(
                model(images, training=True),
                network(given),
                rtol=1e-4,
                atol=1e-6,
            )

    def test_whole_numbers_are_rounded_for_a_network_of_them(self):
        network, images = (
            make_network(dtype="uint8", largest=255),
            draw_pixels(),
        )
        model = fixed_manifold_mixup(network, 0, 0.25)
        mixed = np.rint(mixed_by_hand(images, 0.25))
        np.testing.assert_allclose(
            model(images, training=True),
            network(mixed.astype("uint8")),
            rtol=1e-5,
            atol=1e-6,
        )

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

    @pytest.mark.parametrize("dtype", ["float32", "uint8"])
    def test_integer_images_are_mixed(self, dtype):
        network, images = make_network(dtype=dtype, largest=255), draw_pixels()
        parts = np.float32([0.75, 0.25, 0.0, 1.0, 0.5, 0.375])  # no rounding
        mixed = mixed_by_hand(images, parts)
        if dtype == "uint8":
            mixed = np.rint(mixed)
        np.testing.assert_allclose(
            fixed_mixup(network, parts)(images, training=True),
            network(mixed.astype(dtype)),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_large_integers_do_not_overflow_in_half_precision(self):
        network = make_network(largest=65535)
        images = draw_pixels("int32", 65535)
        images[:, 0] = 65535
        keras.config.set_dtype_policy("mixed_float16")
        try:
            model = fixed_mixup(network, np.full(6, 0.3, "float32"))
        finally:
            keras.config.set_dtype_policy("float32")
        mixed = mixed_by_hand(images, 0.3).astype("float32")
        np.testing.assert_allclose(
            model(images, training=True), network(mixed), rtol=1e-4, atol=1e-6
        )

    def test_bad_alpha(self):
        with pytest.raises(ValueError, match="`alpha`.*alpha=2"):
            baselines.Mixup(make_network(), 2)


class LossTest:
    """Against the sum over the examples in NumPy."""

    PARTS = np.float32([0.9, 0.3, 0.0, 1.0, 0.7, 0.45])
    GIVEN = np.float32([1.0, 0.5, 0.0, 2.0, 0.0, 3.0])

    def pieces(self, logits, labels, parts, given):
        """Weights and weighted losses of the examples and their partners."""
        weights = np.stack([parts * given, (1 - parts) * given[PARTNERS]])
        losses = np.stack(
            [entropies(logits, labels), entropies(logits, labels[PARTNERS])]
        )
        return weights, (weights * losses).sum(axis=0)

    @pytest.mark.parametrize("kind", ["mixup", "manifold_mixup"])
    @pytest.mark.parametrize("weights", [None, "row", "column"])
    @pytest.mark.parametrize(
        "reduction",
        ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", None],
    )
    def test_is_the_mixture_of_weighted_losses(self, reduction, weights, kind):
        network, (images, labels) = make_network(), batch()
        if kind == "mixup":
            parts, model = self.PARTS, fixed_mixup(network, self.PARTS)
        else:
            parts = np.full(6, 0.3, "float32")
            model = fixed_manifold_mixup(network, 0, 0.3)
        model.compile(
            "sgd",
            keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction=reduction
            ),
        )
        logits = model(images, training=True)
        given = {"row": self.GIVEN, "column": self.GIVEN[:, None]}.get(weights)
        target = labels if weights != "column" else labels[:, None]
        actual = np.array(model.compute_loss(images, target, logits, given))

        one_each = np.ones(6) if given is None else self.GIVEN
        weights, losses = self.pieces(logits, labels, parts, one_each)
        expected = {
            "sum": losses.sum(),
            "mean_with_sample_weight": losses.sum() / weights.sum(),
            None: losses,
        }.get(reduction, losses.mean())
        np.testing.assert_allclose(
            actual.reshape(np.shape(expected)), expected, rtol=1e-5
        )

    @pytest.mark.parametrize("reduction", ["mean", "mean_with_sample_weight"])
    def test_labels_of_weight_0_count_nothing(self, reduction):
        """Those of padded examples, as partners too."""
        model = fixed_mixup(make_network(), self.PARTS)
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction=reduction
        )
        model.compile("sgd", loss)
        images, labels = batch()
        logits = model(images, training=True)
        others = np.where(self.GIVEN == 0, (labels + 1) % 3, labels)
        losses = [
            float(model.compute_loss(images, each, logits, self.GIVEN))
            for each in (labels, others)
        ]
        assert losses[0] == losses[1] > 0

    @pytest.mark.parametrize("labels", ["row", "column", "one_hot"])
    def test_class_weight_of_fit(self, labels):
        network, (images, classes) = make_network(), batch()
        model = fixed_mixup(network, self.PARTS)
        loss, target = LOSS, classes
        if labels == "column":
            target = classes[:, None]
        if labels == "one_hot":
            target = np.eye(3)[classes]
            loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.SGD(0.0), loss)
        fit = model.fit(
            images,
            target,
            batch_size=6,
            shuffle=False,
            class_weight={0: 0.0, 1: 1.0, 2: 3.0},
            verbose=0,
        )
        given = np.array([0.0, 1.0, 3.0])[classes]
        mixed = mixed_by_hand(images, self.PARTS).astype("float32")
        _, losses = self.pieces(network(mixed), classes, self.PARTS, given)
        assert fit.history["loss"][0] == pytest.approx(losses.mean(), rel=1e-4)


class InputsAndOutputsTest:
    def wrappers(self):
        wrappers = [baselines.mixup_model, baselines.manifold_mixup_model]
        if keras.backend.backend() == "tensorflow":
            wrappers.append(lambda n: baselines.adversarial_model(n, 0.1))
        return wrappers

    def test_several_raise_at_construction(self):
        first, second = keras.Input((8, 8, 3)), keras.Input((4,))
        features = layers.GlobalAveragePooling2D()(first)
        joined = layers.Concatenate()([features, second])
        two_inputs = keras.Model([first, second], layers.Dense(3)(joined))
        outputs = [layers.Dense(3)(features), layers.Dense(2)(features)]
        two_outputs = keras.Model(first, outputs)
        for wrap in self.wrappers():
            with pytest.raises(ValueError, match="one input.* 2 inputs.*4"):
                wrap(two_inputs)
            with pytest.raises(ValueError, match="one output.* 2 outputs.*2"):
                wrap(two_outputs)

    def test_other_ranks_raise_at_construction(self):
        rows = keras.Input((4,))
        flat = keras.Model(rows, layers.Dense(3)(rows))
        images = keras.Input((8, 8, 3))
        segments = keras.Model(images, layers.Conv2D(3, 1)(images))
        for wrap in self.wrappers():
            if wrap is not baselines.manifold_mixup_model:
                with pytest.raises(ValueError, match=r"images.*\(None, 4\)"):
                    wrap(flat)
        for wrap in self.wrappers()[:2]:
            with pytest.raises(ValueError, match=r"logits.*\(None, 8, 8, 3\)"):
                wrap(segments)

    def test_several_inputs_of_a_subclass_raise_in_training(self):
        class Both(keras.Model):
            def call(self, inputs, training=False):
                return inputs[1]

        network = Both()
        network.built = True
        model = baselines.Mixup(network)
        pair = np.ones((2, 8, 8, 3)), np.ones((2, 4))
        with pytest.raises(ValueError, match="one input.*Received: 2 inputs"):
            model([*pair], training=True)

    @pytest.mark.parametrize("kind", ["mixup", "manifold_mixup"])
    @pytest.mark.parametrize("structure", [dict, list])
    def test_one_of_a_list_or_dict_is_one(self, structure, kind):
        def packed(name, tensor):
            return {name: tensor} if structure is dict else [tensor]

        plain, (images, labels) = make_network(), batch()
        network = keras.Model(
            packed("images", plain.input), packed("classes", plain.output)
        )
        if kind == "mixup":
            model = fixed_mixup(network, np.full(6, 0.3, "float32"))
        else:
            model = fixed_manifold_mixup(network, 0, 0.3)
        model.compile(keras.optimizers.SGD(0.0), LOSS)
        fit = model.fit(
            packed("images", images),
            packed("classes", labels),
            batch_size=6,
            shuffle=False,
            verbose=0,
        )
        mixed = mixed_by_hand(images, 0.3).astype("float32")
        expected = soft_loss(
            plain(mixed), labels, labels[PARTNERS], np.full(6, 0.3)
        )
        assert fit.history["loss"][0] == pytest.approx(expected, rel=1e-4)


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
