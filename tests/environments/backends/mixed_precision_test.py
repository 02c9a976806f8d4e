"""bfloat16 on every backend: a layer, networks, a training."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras.evaluation import temperature
from mp_keras.perturbation import positions_of
from tests import small_networks
from tests.environments.backends import compiled
from tests.perturbation import examples
from tests.perturbation import reference

STEP = 2.0**-8  # half the distance of neighbouring bfloat16 numbers near 1


@pytest.fixture
def mixed_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def rounded(array):
    """Returns float32 numbers that bfloat16 holds exactly."""
    return np.array(
        keras.ops.cast(keras.ops.cast(array, "bfloat16"), "float32")
    )


def dtypes(variables):
    return {keras.backend.standardize_dtype(v.dtype) for v in variables}


class LayerTest:
    @pytest.mark.parametrize("training", [False, True])
    def test_outputs_are_those_of_the_reference_rounded(self, training):
        layer = examples.new_layer(dtype="mixed_bfloat16", stochastic=False)
        h = rounded(examples.feature_maps(4, 8, 8, 16))
        outputs = layer(h, training=training)
        assert dtypes([outputs]) == {"bfloat16"}
        statistics = np.zeros((16, 4)), np.ones((16, 4))
        expected = reference.perturbed(
            layer.perturbation.values(),
            h,
            None,
            (16, 8, 1.0),
            statistics=None if training else statistics,
        )["output"]
        # A few roundings, each of at most one step, of what is multiplied.
        np.testing.assert_allclose(
            np.array(keras.ops.cast(outputs, "float32")),
            expected,
            rtol=8 * STEP,
            atol=8 * STEP,
        )

    def test_scale_and_statistics_stay_float32(self):
        layer = examples.new_layer(dtype="mixed_bfloat16")
        h = rounded(examples.feature_maps(4, 8, 8, 3))
        layer(h, training=True)
        assert dtypes(layer.weights) == {"float32"}
        scale = layer.scale(8, layer.moving_mean, layer.moving_variance)
        assert dtypes([scale]) == {"float32"}
        exact = examples.new_layer()
        exact(h, training=True)
        for name in ("moving_mean", "moving_variance"):
            np.testing.assert_allclose(
                np.array(getattr(layer, name)),
                np.array(getattr(exact, name)),
                rtol=4 * STEP,
                atol=1e-4,
            )

    def test_head_of_the_scale_is_not_rounded(self):
        """In bfloat16, 1.001 would be 1: the scale must see it."""
        values = examples.random_phi().values()
        values["scale_head"] = np.full(10, 1.001, "float32")
        layer = mp_keras.MetaPerturbLayer(
            values,
            channel_norm=1,
            spatial_norm=1,
            stochastic=False,
            dtype="mixed_bfloat16",
        )
        seen = []
        scale = layer.perturbation.scale

        def recorded(*arguments):
            seen.append(np.array(scale(*arguments)))
            return scale(*arguments)

        layer.perturbation.scale = recorded
        layer(np.ones((2, 1, 1, 1), "float32"))
        expected = 1 / (1 + np.exp(-1.001 * (4 * 0 + 4 * 1 + 1 + 1)))
        np.testing.assert_allclose(seen[0], [expected], rtol=1e-6)


class NetworkTest:
    @pytest.mark.parametrize("training", [False, True])
    def test_logits_are_close_to_those_of_float32(self, training):
        images = rounded(small_networks.draw_images(8, 8, 8, 3))
        exact = small_networks.make_network(stochastic=False)
        keras.config.set_dtype_policy("mixed_bfloat16")
        mixed = small_networks.make_network(stochastic=False)
        keras.config.set_dtype_policy("float32")
        mixed.set_weights(exact.get_weights())
        assert positions_of(mixed)[0].compute_dtype == "bfloat16"
        ours, theirs = (
            np.array(
                keras.ops.cast(compiled.call(m, images, training), "float32")
            )
            for m in (mixed, exact)
        )
        assert np.abs(ours - theirs).max() < 0.03 * np.abs(theirs).max()
        assert np.any(ours != theirs)


class TrainingTest:
    def test_fit_learns_and_keeps_float32_weights(self, mixed_bfloat16):
        model = small_networks.make_network()
        labels = np.arange(24) % 3
        images = 0.3 * small_networks.draw_images(24, 8, 8, 3)
        images[np.arange(24), :, :, labels] += 1
        model.compile(
            mp_keras.AdamL2(0.03),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        losses = model.fit(
            images,
            labels,
            batch_size=12,
            epochs=6,
            callbacks=[mp_keras.NoiseAnnealing()],
            verbose=0,
        ).history["loss"]
        assert losses[-1] < 0.6 * losses[0]
        assert dtypes(model.weights) == {"float32"}
        probabilities = mp_keras.monte_carlo_predict(model, images, samples=3)
        assert probabilities.dtype == "float32"
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


class Float32NetworkTest:
    """A network that is float32, or in part, where the session is not."""

    @pytest.mark.parametrize(
        "answer",
        [
            mp_keras.monte_carlo_predict,
            lambda network, images: mp_keras.MonteCarloClassifier(
                network, from_logits=False
            )((images, np.zeros(4, "int32"))),
            lambda network, images: baselines.mixup_model(network)(images),
            lambda network, images: baselines.manifold_mixup_model(
                network, seed=1
            )(images, training=True),
            lambda network, images: baselines.deep_ensemble([network] * 2)(
                images
            ),
            lambda network, images: mp_keras.deterministic(
                network, images, mixtures=0
            )(images),
            lambda network, images: mp_keras.deterministic(
                network, images, mixtures=8
            )(images),
            lambda network, images: temperature.with_temperature(network, 0.5)(
                images
            ),
        ],
    )
    def test_answers_as_ever(self, answer, request):
        images = 1 + small_networks.draw_images(4, 8, 8, 3)
        keras.utils.set_random_seed(0)
        expected = answer(small_networks.make_network(), images)
        keras.utils.set_random_seed(0)
        network = small_networks.make_network()
        request.getfixturevalue("mixed_bfloat16")
        actual = answer(network, images)
        assert dtypes([actual]) == {"float32"}
        np.testing.assert_allclose(actual, expected, rtol=1e-5)

    def test_last_layer_in_float32_keeps_its_weights(self, mixed_bfloat16):
        inputs = keras.Input((8, 8, 3))
        features = keras.layers.GlobalAveragePooling2D()(inputs)
        outputs = keras.layers.Dense(3, dtype="float32")(features)
        network = keras.Model(inputs, outputs)
        images = small_networks.draw_images(4, 8, 8, 3)
        np.testing.assert_allclose(
            mp_keras.monte_carlo_predict(network, images, from_logits=False),
            network(images),
            rtol=1e-5,
        )
