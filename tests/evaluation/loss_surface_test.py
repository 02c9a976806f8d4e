"""Loss surfaces: directions by hand, losses against NumPy."""

import keras
import numpy as np
import pytest
from scipy import special

import mp_keras
from mp_keras.evaluation import loss_surface
from tests import small_networks


def linear_model():
    inputs = keras.Input((2, 2, 1))
    features = keras.layers.Flatten()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(features))
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 1, (4, 3)), rng.normal(0, 1, 3)])
    return model


def linear_example(count=10):
    images = small_networks.draw_images(count, 2, 2, 1)
    return linear_model(), images, np.arange(count) % 3


def noisy_example(count=6):
    model = small_networks.make_network()
    images = small_networks.draw_images(count, 8, 8, 3)
    model(images, training=True)  # statistics other than the first ones
    return model, images, np.arange(count) % 3


def cross_entropy(kernel, bias, images, labels):
    logits = images.reshape(len(images), -1) @ kernel + bias
    logs = special.log_softmax(logits, axis=1)
    return -np.mean(logs[np.arange(len(labels)), labels])


class FilterNormalizedDirectionsTest:
    def test_filters_have_the_lengths_of_the_weights(self):
        rng = np.random.default_rng(0)
        convolution = rng.normal(0, 2, (3, 3, 4, 5)).astype("float32")
        convolution[..., 2] = 0  # a dead filter stays where it is
        dense = rng.normal(0, 1, (7, 3)).astype("float32")
        bias = np.ones(5, "float32")
        directions = loss_surface.filter_normalized_directions(
            [convolution, bias, dense], seed=0
        )
        for parts in directions:
            assert [part.shape for part in parts] == [
                (3, 3, 4, 5),
                (5,),
                (7, 3),
            ]
            np.testing.assert_array_equal(parts[1], 0)
            for index in range(5):
                np.testing.assert_allclose(
                    np.linalg.norm(parts[0][..., index]),
                    np.linalg.norm(convolution[..., index]),
                    rtol=1e-5,
                )
            for index in range(3):
                np.testing.assert_allclose(
                    np.linalg.norm(parts[2][:, index]),
                    np.linalg.norm(dense[:, index]),
                    rtol=1e-5,
                )
        one, two = (parts[0].ravel() for parts in directions)
        cosine = one @ two / np.linalg.norm(one) / np.linalg.norm(two)
        assert abs(cosine) < 0.3

    def test_seed_decides_the_directions(self):
        weights = [np.ones((3, 3), "float32")]
        first, again, other = (
            loss_surface.filter_normalized_directions(weights, seed)[0][0]
            for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert np.all(first != other)


class LossSurfaceTest:
    def test_linear_model_equals_numpy(self):
        model, images, labels = linear_example()
        kernel, bias = model.get_weights()
        (one, _), (two, _) = loss_surface.filter_normalized_directions(
            [kernel, bias], seed=4
        )
        surface = loss_surface.loss_surface(
            model, images, labels, radius=2.0, points=5, batch_size=4, seed=4
        )
        np.testing.assert_allclose(surface.offsets, [-2, -1, 0, 1, 2])
        expected = [
            [
                cross_entropy(kernel + a * one + b * two, bias, images, labels)
                for b in surface.offsets
            ]
            for a in surface.offsets
        ]
        np.testing.assert_allclose(surface.losses, expected, rtol=1e-4)
        assert np.abs(expected - np.transpose(expected)).max() > 0.1

    def test_middle_is_the_mean_loss_over_fixed_noise(self):
        model, images, labels = noisy_example()
        noisy = mp_keras.MonteCarloClassifier(model)
        losses = [
            -np.log(np.array(noisy.sample(images, 3, index))[range(6), labels])
            for index in range(4)
        ]
        surface = loss_surface.loss_surface(
            model, images, labels, points=3, samples=4, seed=3
        )
        assert surface.losses[1, 1] == pytest.approx(np.mean(losses), rel=1e-4)
        again = loss_surface.loss_surface(
            model, images, labels, points=3, samples=4, seed=3
        )
        np.testing.assert_array_equal(surface.losses, again.losses)

    def test_model_is_left_as_it_is(self):
        model, images, labels = noisy_example()
        before = [np.array(variable) for variable in model.variables]
        loss_surface.loss_surface(model, images, labels, points=3, samples=1)
        for variable, old in zip(model.variables, before):
            np.testing.assert_array_equal(variable, old, variable.path)

    def test_weights_are_restored_after_an_error(self, monkeypatch):
        model, images, labels = linear_example()
        before = model.get_weights()
        moved = []

        def fail():
            moved.append(model.get_weights()[0])
            raise KeyboardInterrupt

        monkeypatch.setattr(loss_surface, "_make_mean_loss", lambda *_: fail)
        with pytest.raises(KeyboardInterrupt):
            loss_surface.loss_surface(model, images, labels, points=3)
        assert np.abs(moved[0] - before[0]).max() > 0.1
        for now, old in zip(model.get_weights(), before):
            np.testing.assert_array_equal(now, old)

    def test_only_kernels_move(self, monkeypatch):
        """φ, statistics, biases and batch norm's parameters do not."""
        model, images, labels = noisy_example()
        before = {v.path: np.array(v) for v in model.variables}
        moved = set()

        def note():
            for v in model.variables:
                if np.any(np.array(v) != before[v.path]):
                    moved.add(v.path)
            return 0.0

        monkeypatch.setattr(loss_surface, "_make_mean_loss", lambda *_: note)
        loss_surface.loss_surface(model, images, labels, points=3)
        kernels = [v.path for v in model.variables if v.path.endswith("kernel")]
        assert moved == set(kernels) and len(kernels) == 3


class BadInputTest:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("radius", 0),
            ("radius", np.inf),
            ("points", 4),
            ("points", 1),
            ("points", 5.0),
            ("samples", 0),
        ],
    )
    def test_argument_is_named(self, name, value):
        with pytest.raises(ValueError, match=f"`{name}` must be .*{name}="):
            loss_surface.loss_surface(*linear_example(), **{name: value})

    def test_shapes_must_agree(self):
        model, images, labels = linear_example()
        with pytest.raises(ValueError, match=r"\(10, 2, 2, 1\) and \(9,\)"):
            loss_surface.loss_surface(model, images, labels[:9])

    def test_probabilities_are_not_taken_for_logits(self):
        model, images, labels = linear_example()
        model = keras.Sequential([model, keras.layers.Softmax()])
        with pytest.raises(ValueError, match="must end in logits.*softmax"):
            loss_surface.loss_surface(model, images, labels)

    def test_frozen_model_has_nothing_to_move(self):
        model, images, labels = linear_example()
        model.trainable = False
        with pytest.raises(ValueError, match="must have trainable kernels"):
            loss_surface.loss_surface(model, images, labels)
