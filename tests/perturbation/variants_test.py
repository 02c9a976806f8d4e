"""The variants of φ: without a part, `all` as a sum, the mean preserved."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras.perturbation import positions_of
from tests.perturbation import examples
from tests.perturbation import reference

VARIANTS = [
    {"use_scale": False},
    {"use_noise": False},
    {"all_branch": "sum"},
    {"use_scale": False, "preserve_mean": True},
    {"noise_per": "channel"},
    {"noise_per": "channel", "input_dependent": False},
]


def random_variant(**options):
    values = examples.random_phi().values()
    return mp_keras.PerturbationFunction(values, **options)


class NumbersTest:
    def test_preserved_mean_is_that_of_the_features(self):
        """Also where the noise's own mean is far from 1."""
        phi = random_variant(use_scale=False, preserve_mean=True)
        layer = examples.new_layer(phi)
        h = examples.feature_maps(1, 8, 8, 4)
        many = np.repeat(h, 4000, axis=0)
        outputs = np.asarray(layer(many))
        assert np.std(outputs / many, axis=0).min() > 0.2
        np.testing.assert_allclose(
            np.mean(outputs / many, axis=0), 1.0, atol=0.06
        )
        layer.stochastic = False
        np.testing.assert_array_equal(layer(h), h)

    @pytest.mark.parametrize("stochastic", [True, False])
    def test_without_noise_the_factor_is_the_scale(self, stochastic):
        phi = random_variant(use_noise=False)
        layer = examples.new_layer(phi, stochastic=stochastic)
        h = examples.feature_maps(3, 8, 8, 4)
        scale = reference.perturbed(phi.values(), h, 0 * h, (16, 8, 1.0))
        actual = layer(h, training=True)
        np.testing.assert_allclose(
            actual, h * scale["scale"], rtol=1e-4, atol=1e-5
        )

    @pytest.mark.parametrize("training", [True, False])
    def test_noise_of_a_channel_is_one_draw_for_all_its_elements(
        self, training
    ):
        """z = softplus(μ + e): its inverse gives back e, one a channel."""
        values = examples.random_phi().values()
        phi = mp_keras.PerturbationFunction(
            values, noise_per="channel", use_scale=False
        )
        layer = examples.new_layer(phi)
        h = np.abs(examples.feature_maps(500, 8, 8, 4)) + 0.1
        factor = np.asarray(layer(h, training=training), "float64") / h
        draws = np.log(np.expm1(factor)) - np.asarray(phi.noise_mean(h))
        np.testing.assert_allclose(
            draws, np.broadcast_to(draws[:, :1, :1], draws.shape), atol=5e-3
        )
        of_channels = draws[:, 0, 0]
        assert abs(of_channels.mean()) < 0.1
        assert abs(of_channels.std() - 1) < 0.1
        among = np.corrcoef(of_channels.T) - np.eye(4)
        assert np.abs(among).max() < 0.2
        layer.stochastic = False
        expected = mp_keras.MetaPerturbLayer(phi, 16, 8, stochastic=False)
        np.testing.assert_allclose(layer(h), expected(h), rtol=1e-6)

    @pytest.mark.parametrize("noise_per", ["element", "channel"])
    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize("stochastic", [True, False])
    def test_without_input_it_is_as_if_all_numbers_were_zero(
        self, noise_per, training, stochastic, monkeypatch
    ):
        h = examples.feature_maps(3, 8, 8, 4)
        blind = random_variant(noise_per=noise_per, input_dependent=False)
        zeros = {name: 0 * values for name, values in blind.values().items()}
        untrained = mp_keras.PerturbationFunction(zeros, noise_per=noise_per)
        found = []
        draws = tf.random.stateless_normal(blind.draws_shape(h.shape), (1, 2))
        for phi in (blind, untrained):
            layer = examples.new_layer(phi, stochastic=stochastic)
            monkeypatch.setattr(layer, "sample_noise", lambda *_: draws)
            found.append(layer(h, training=training))
        np.testing.assert_allclose(*found, rtol=1e-6)
        assert np.abs(found[0] - h).max() > 0.1

    @pytest.mark.parametrize(
        ("option", "valid"),
        [
            ("all_branch", "'mean', 'sum'"),
            ("noise_per", "'element', 'channel'"),
        ],
    )
    def test_unknown_option_raises(self, option, valid):
        with pytest.raises(ValueError, match=rf"{valid}.*{option}='max'"):
            mp_keras.PerturbationFunction(**{option: "max"})


class RoundTripTest:
    @pytest.mark.parametrize("options", VARIANTS, ids=json.dumps)
    def test_saved_model_keeps_the_variant(self, options, tmp_path):
        phi = random_variant(**options)
        mp_keras.save_perturbation(phi, tmp_path / "phi")
        loaded = mp_keras.load_perturbation(tmp_path / "phi")
        assert loaded.variant() == phi.variant()
        assert loaded.variant() != mp_keras.PerturbationFunction().variant()

    @pytest.mark.parametrize("options", VARIANTS, ids=json.dumps)
    def test_network_keeps_the_variant(self, options, tmp_path):
        phi = random_variant(**options)
        model = examples.small_network(phi)
        model.save(tmp_path / "model.keras")
        for copy in (
            keras.models.load_model(tmp_path / "model.keras"),
            keras.models.clone_model(model),
        ):
            for position in positions_of(copy):
                assert position.perturbation.variant() == phi.variant()

    @pytest.mark.parametrize("options", VARIANTS, ids=json.dumps)
    def test_exported_training_form_is_the_layers(
        self, options, tmp_path, monkeypatch
    ):
        phi = random_variant(**options)
        mp_keras.save_perturbation(phi, tmp_path / "phi")
        exported = tf.saved_model.load(str(tmp_path / "phi"))
        h, seed = examples.feature_maps(3, 8, 8, 4), tf.constant([1, 2])
        expected = exported.train(h, 16.0, 8.0, 0.7, seed)["outputs"]
        layer = examples.new_layer(phi)
        layer.build(h.shape)
        layer.noise_coefficient.assign(0.7)
        draws = tf.random.stateless_normal(phi.draws_shape(h.shape), seed)
        monkeypatch.setattr(layer, "sample_noise", lambda *_: draws)
        actual = layer(h, training=True)
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


class MetaTrainingTest:
    def test_without_input_there_is_nothing_to_learn(self):
        phi = random_variant(input_dependent=False)
        with pytest.raises(ValueError, match="input_dependent=False"):
            mp_keras.MetaTrainer(
                lambda: examples.small_network(phi), 1, perturbation=phi
            )

    @pytest.mark.parametrize("options", VARIANTS[:-1], ids=json.dumps)
    def test_step_learns_what_the_variant_uses(self, options):
        start = random_variant(**options)
        trainer = mp_keras.MetaTrainer(
            lambda: examples.small_network(start), 1, perturbation=start
        )
        plain = mp_keras.AdamL2(l2=0.0)
        trainer.compile(plain, plain, run_eagerly=True)
        images = examples.feature_maps(1, 4, 8, 8, 3)
        labels = np.array([[0, 1, 0, 1]])
        trainer.train_step(tuple(map(keras.ops.array, [images, labels] * 2)))
        assert trainer.perturbation.variant() == start.variant()
        before, after = start.values(), trainer.perturbation.values()
        moved = {name for name in before if np.any(before[name] != after[name])}
        part = {"use_scale": "scale", "use_noise": "noise"}
        unused = {
            name
            for name in before
            for option in options
            if name.startswith(part.get(option, "none"))
        }
        assert moved == set(before) - unused
