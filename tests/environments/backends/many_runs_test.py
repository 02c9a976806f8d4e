"""Many runs in JAX: the arithmetic is that of mp_keras' Keras networks.

What compiles whole trainings takes a minute each, and is marked `long`.
"""

import importlib

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import phi_archive

jax = pytest.importorskip("jax")
ml_collections = pytest.importorskip("ml_collections")
networks = importlib.import_module("pipeline.many_runs.networks")
perturbation = importlib.import_module("pipeline.many_runs.perturbation")
meta_gradients = importlib.import_module("pipeline.many_runs.meta_gradients")
study = importlib.import_module("pipeline.many_runs.study")
training = importlib.import_module("pipeline.many_runs.training")

SIZE = 16
MAKERS = {
    "resnet20": mp_keras.networks.ResNet20,
    "conv4": mp_keras.networks.Conv4,
}


@pytest.fixture(params=MAKERS)
def pair(request):
    """A Keras network with the shipped φ and the same one as arrays."""
    phi = mp_keras.load_perturbation("glyphs_conv4")
    model = MAKERS[request.param](
        10, (SIZE, SIZE, 3), perturbation=phi, stochastic=False
    )
    layout = networks.LAYOUTS[request.param]
    weights = networks.initial_weights(layout, jax.random.key(0), 10, SIZE)
    for variable, value in zip(
        model.trainable_variables, in_order(weights), strict=True
    ):
        variable.assign(np.asarray(value))
    return model, layout, weights, perturbation.Noise(phi.values())


def in_order(weights):
    layers = [
        [
            weights[name][index]
            for name in ("kernels", "biases", "gammas", "betas")
            if weights[name]
        ]
        for index in range(len(weights["kernels"]))
    ]
    return [
        *(weight for layer in layers for weight in layer),
        weights["dense"],
        weights["dense_bias"],
    ]


class NetworkTest:
    def test_logits_and_statistics_are_those_of_keras(self, pair):
        model, layout, weights, noise = pair
        images = np.random.default_rng(0).uniform(-1, 1, (8, SIZE, SIZE, 3))
        images = images.astype("float32")
        state = networks.initial_state(layout)
        for layer in model.layers:
            if hasattr(layer, "noise_coefficient"):
                layer.noise_coefficient.assign(0.7)

        def logits(state, training):
            return networks.apply(
                layout,
                weights,
                state,
                images,
                training=training,
                noise=noise,
                coefficient=0.7,
            )

        in_training, state = logits(state, True)
        np.testing.assert_allclose(
            model(images, training=True), in_training, atol=1e-5
        )
        in_test, _ = logits(state, False)  # with the moved statistics
        np.testing.assert_allclose(model(images), in_test, atol=1e-5)

    def test_a_step_of_adam_is_that_of_adam_l2(self):
        weight = np.array([1.0, -2.0], "float32")
        gradient = np.array([0.1, 0.3], "float32")
        variable = keras.Variable(weight)
        optimizer = mp_keras.AdamL2(0.01, l2=0.1)
        zeros = np.zeros_like(weight)
        found, moments = weight, (zeros, zeros)
        for step in range(3):
            optimizer.apply([gradient], [variable])
            found, moments = training.adam_l2(
                found, gradient, moments, step, 0.01, 0.1
            )
        np.testing.assert_allclose(variable, found, rtol=1e-5)


class NoiseTest:
    @pytest.mark.parametrize("mean", [-4.0, -1.0, 0.0, 2.5, 4.0])
    def test_three_nodes_give_the_expected_softplus(self, mean):
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        exact = np.sum(weights * np.log1p(np.exp(mean + nodes)))
        exact /= np.sum(weights)
        assert perturbation.expected_softplus(mean) == pytest.approx(
            exact, rel=3e-3
        )

    def test_mean_preserving_noise_has_the_mean_of_its_input(self):
        features = np.full((4, 64, 64, 8), 2.0, "float32")
        noise = perturbation.Noise(perturbation.fresh(0), mean_preserving=1.0)
        statistics = np.zeros((8, 4)), np.ones((8, 4))
        key = jax.random.key(0)
        found, _ = perturbation.perturb(
            features, noise, 1.0, statistics, (8, 64), key, False
        )
        # 131,072 draws, spread of z over its mean 0.65: 0.2 % is one sigma.
        assert found.mean() == pytest.approx(2.0, rel=0.01)
        assert found.std() == pytest.approx(2 * 0.65, rel=0.03)

    def test_one_value_per_channel(self):
        features = np.ones((2, 8, 8, 3), "float32")
        noise = perturbation.Noise(perturbation.fresh(0, 0.0), per_channel=1.0)
        statistics = np.zeros((3, 4)), np.ones((3, 4))
        found, _ = perturbation.perturb(
            features, noise, 1.0, statistics, (8, 8), jax.random.key(1), False
        )
        assert np.ptp(found, axis=(1, 2)).max() < 1e-6
        assert np.ptp(found) > 0.1

    @pytest.mark.parametrize(
        ("step", "expected"), [(0, 0.0), (20, 0.25), (40, 0.5), (90, 0.25)]
    )
    def test_coefficient_rises_and_fades(self, step, expected):
        noise = perturbation.Noise({}, coefficient=0.5, ramp=0.4, fade=0.2)
        found = perturbation.coefficient_at(noise, step, 100)
        assert found == pytest.approx(expected)


@pytest.fixture
def config(tmp_path):
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 10), ("test", 5)):
        shape = (2 * count, SIZE, SIZE, 3)
        arrays[f"{part}_images"] = random.integers(0, 255, shape, "uint8")
        arrays[f"{part}_labels"] = np.repeat([0, 1], count)
    np.savez(tmp_path / "data.npz", **arrays)
    row = {
        "coefficient": 1.0,
        "ramp": 0.4,
        "fade": 0.0,
        "per_channel": 0.0,
        "mean_preserving": 0.0,
        "learning_rate": 1e-3,
        "l2": 5e-4,
    }
    return ml_collections.ConfigDict(
        {
            "network": "conv4",
            "image_size": SIZE,
            "steps": 3,
            "batch_size": 4,
            "seeds": (0, 1),
            "samples": 2,
            "rows": (
                {"name": "base", "perturbation": "", "alpha": 0.0, **row},
                {"name": "φ", "perturbation": "fresh", "alpha": 2.0, **row},
            ),
            "data": {
                "files": (str(tmp_path / "data.npz"),),
                "pooled": True,
                "examples_per_class": 5,
                "validation_fraction": 0.2,
                "flip": True,
            },
        }
    )


class StudyTest:
    @pytest.mark.long
    def test_a_study_leaves_every_runs_predictions(self, config, tmp_path):
        paths = study.run_study(config, tmp_path / "study")
        assert [path.name for path in paths] == ["plain.npz", "noisy.npz"]
        for path in paths:
            with np.load(path) as arrays:
                assert arrays["seeds"].tolist() == [0, 1]
                # Of 15 images of each class 5 are drawn, 1 for validation.
                assert arrays["monte_carlo_test"].shape == (2, 2, 20, 2)
                assert arrays["monte_carlo_validation"].shape == (2, 2, 2, 2)
                rows = np.exp(arrays["monte_carlo_test"].astype("float32"))
                np.testing.assert_allclose(rows.sum(-1), 1, atol=5e-3)
        written = paths[0].stat().st_mtime_ns
        study.run_study(config, tmp_path / "study")
        assert paths[0].stat().st_mtime_ns == written  # kept
        assert "φ" in study.summary(paths[1])

    def test_parts_of_a_cut_are_disjoint_and_balanced(self, config):
        labels = np.repeat([0, 1, 2], 20)
        trainable = np.arange(60) % 2 == 0
        config.data.pooled = False
        parts = study.cut(labels, trainable, config.data, 3)
        train, validation, test = parts
        assert not set(train) & set(validation)
        assert trainable[train].all() and trainable[validation].all()
        assert sorted(test) == np.flatnonzero(~trainable).tolist()
        assert np.bincount(labels[train]).tolist() == [4, 4, 4]
        assert np.bincount(labels[validation]).tolist() == [1, 1, 1]

    def test_too_few_images_are_refused(self, config):
        config.data.examples_per_class = 99
        with pytest.raises(ValueError, match="at most 15, the images of cla"):
            study.run_study(config, "unused")

    def test_missing_files_and_phi_are_refused(self, config, tmp_path):
        with pytest.raises(FileNotFoundError, match="`perturbation` must be"):
            study.read_phi("nobody", 0)
        with pytest.raises(FileNotFoundError, match="`data.files` must name"):
            study.read_images([tmp_path / "no.npz"], SIZE)


class ReadPhiTest:
    def test_noise_per_channel_goes_along(self, config, tmp_path):
        phi = mp_keras.PerturbationFunction(seed=0, noise_per="channel")
        phi_archive.write(phi, tmp_path / "phi.npz")
        row = dict(config.rows[1], perturbation=str(tmp_path / "phi.npz"))
        run = study.make_run(row, 0, np.arange(10), np.arange(10) % 2)
        assert run.noise.per_channel == 1
        for name, values in phi.values().items():
            np.testing.assert_array_equal(run.noise.phi[name], values)
        row["perturbation"] = "glyphs_conv4"
        run = study.make_run(row, 0, np.arange(10), np.arange(10) % 2)
        assert run.noise.per_channel == 0

    def test_other_options_are_refused(self, tmp_path):
        phi = mp_keras.PerturbationFunction(seed=0, use_scale=False)
        phi_archive.write(phi, tmp_path / "phi.npz")
        with pytest.raises(ValueError, match="with {'use_scale': False}"):
            study.read_phi(str(tmp_path / "phi.npz"), 0)


class PairingTest:
    def test_runs_of_one_seed_share_weights_batches_and_mixtures(self, config):
        rows = [dict(config.rows[1]), dict(config.rows[1], alpha=0.0)]
        labels = np.arange(10) % 2
        runs = training.stack(
            [study.make_run(row, 7, np.arange(10), labels) for row in rows]
        )
        batches, layers, weights = training.schedules(runs, 6, 5, 4)
        assert (batches[:, 0] == batches[:, 1]).all()
        assert (layers[:, 0] == layers[:, 1]).all()
        assert (weights[:, 1] == 1).all() and (weights[:, 0] < 1).all()
        # Every example once in an epoch of two batches.
        assert sorted(batches[:2, 0].ravel()) == list(range(10))


@pytest.fixture
def gradients_config(tmp_path):
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 55), ("test", 2)):
        shape = (10 * count, SIZE, SIZE, 3)
        arrays[f"{part}_images"] = random.integers(0, 255, shape, "uint8")
        arrays[f"{part}_labels"] = np.repeat(np.arange(10), count)
    np.savez(tmp_path / "tasks.npz", **arrays)
    return ml_collections.ConfigDict(
        {
            "network": "conv4",
            "image_size": SIZE,
            "steps": 2,
            "batch_size": 4,
            "alpha": 2.0,
            "learning_rate": 1e-3,
            "l2": 5e-4,
            "tasks": 2,
            "seed": 0,
            "period": 2,
            "rate": 1e-2,
            "spread": 0.1,
            "ramp": 0.4,
            "data": {"files": (str(tmp_path / "tasks.npz"),), "flip": True},
        }
    )


class MetaGradientsTest:
    @pytest.mark.long
    def test_phi_moves_and_is_written(self, gradients_config, tmp_path):
        last = meta_gradients.learn_phi(gradients_config, tmp_path)
        assert set(last) == {"loss", "held_out"}
        start = perturbation.fresh(0, 0.1)
        found, _ = study.read_phi(str(tmp_path / "phi.npz"), 0)
        # Adam moves no number by more than its rate, which falls to a half.
        moved = {
            name: np.abs(values - start[name]).max()
            for name, values in found.items()
        }
        assert max(moved.values()) < 1.6e-2
        assert min(moved.values()) > 1e-3
