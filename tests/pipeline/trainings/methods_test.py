"""Every method that a config can name: what it builds, trains and resumes."""

import json

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras import baselines
from mp_keras.baselines import manifold_mixup
from mp_keras.graphs import layer_search
from mp_keras.perturbation import positions_of
from pipeline import datasets
from pipeline.trainings import config_names
from pipeline.trainings import methods
from pipeline.trainings import target_training
from tests import small_networks
from tests.pipeline import smoke

pytestmark = pytest.mark.usefixtures("eagerly")

LAYERS = {
    "meta_perturb": mp_keras.MetaPerturbLayer,
    "fresh_phi": mp_keras.MetaPerturbLayer,
    "channel_noise": mp_keras.MetaPerturbLayer,
    "mean_preserving_noise": mp_keras.MetaPerturbLayer,
    "information_dropout": baselines.InformationDropout,
    "drop_block": baselines.DropBlock,
    "monte_carlo_dropout": baselines.MonteCarloDropout,
}
WRAPPERS = {
    "manifold_mixup": baselines.ManifoldMixup,
    "mixup": baselines.Mixup,
    "adversarial_training": baselines.AdversarialTraining,
}
assert (*LAYERS,) == config_names.LAYERS
assert (*WRAPPERS,) == config_names.WRAPPERS
# Each layer and each wrapper trains in `make test`; all pairs are long.
JOINED = [
    pytest.param(
        f"{layer}+{wrapper}",
        marks=[pytest.mark.long] if (row - column) % len(WRAPPERS) else [],
    )
    for row, layer in enumerate(LAYERS)
    for column, wrapper in enumerate(WRAPPERS)
]
TRAINED = [m for m in config_names.METHODS if m != config_names.ENSEMBLE]
RESUMED = ("meta_perturb", "drop_block", "manifold_mixup")  # others are long


@pytest.fixture(scope="module")
def phi_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("phi") / "phi"
    mp_keras.save_perturbation(small_networks.random_phi(), path)
    return str(path)


@pytest.fixture
def config_of(source, phi_path):
    def make(method, **changes):
        changes = {"export": False, **changes}
        return smoke.target_config(
            source, method=method, phi=phi_path, **changes
        )

    return make


class MakeMethodTest:
    @pytest.mark.parametrize(("method", "kind"), LAYERS.items())
    def test_layers_are_at_every_position(self, config_of, method, kind):
        made = methods.make_method(config_of(method), 4)
        found = layer_search.find_layers(
            made.network, lambda layer: isinstance(layer, kind)
        )
        assert len(found) == 4
        assert made.trained is made.network

    @pytest.mark.parametrize(("method", "kind"), WRAPPERS.items())
    def test_wrappers_leave_the_network_plain(self, config_of, method, kind):
        made = methods.make_method(config_of(method), 4)
        plain = methods.make_method(config_of("base"), 4).network
        assert isinstance(made.trained, kind)
        assert made.trained.network is made.network
        assert [type(layer) for layer in made.network.layers] == [
            type(layer) for layer in plain.layers
        ]

    @pytest.mark.parametrize("network", ["conv4", "vgg9", "resnet20"])
    def test_joined_methods_mix_behind_the_layers(self, config_of, network):
        config = config_of(
            "meta_perturb+manifold_mixup", network=network, image_size=32
        )
        del config.network_options.channels
        made = methods.make_method(config, 4)
        expected = layer_search.find_layers(
            made.network,
            lambda layer: isinstance(layer, mp_keras.MetaPerturbLayer),
        )
        chosen = manifold_mixup._mixing_layers(made.network, "auto")
        assert chosen == expected and len(chosen) in (4, 8, 9)
        assert isinstance(made.trained, baselines.ManifoldMixup)
        assert made.ramp == config.noise_ramp

    @pytest.mark.parametrize("method", JOINED)
    def test_joined_methods_train_with_noise_faded_in(
        self, config_of, tmp_path, method
    ):
        config = config_of(
            method,
            steps=2,
            checkpoint_every=2,
            c_max=0.5,
            adversarial_training__steps=1,
        )
        result = target_training.train_target(config, tmp_path)
        assert result["method"] == method
        assert np.isfinite(result["negative_log_likelihood"])
        network = methods.load_network(tmp_path)
        layer, _ = config_names.parts(method)
        found = layer_search.find_layers(
            network, lambda each: isinstance(each, LAYERS[layer])
        )
        assert len(found) == 4
        for each in found:
            if hasattr(each, "noise_coefficient"):
                assert 0 < float(each.noise_coefficient) <= 0.5

    @pytest.mark.parametrize(
        ("method", "key"),
        [("fresh_phi", "c_max"), ("channel_noise", "channel_noise__c_max")],
    )
    def test_largest_coefficient_is_that_of_the_test_too(
        self, config_of, tmp_path, method, key
    ):
        config = config_of(method, noise_ramp=0.0, **{key: 0.25})
        target_training.train_target(config, tmp_path)
        for position in positions_of(methods.load_network(tmp_path)):
            assert float(position.noise_coefficient) == 0.25

    def test_controls_are_fresh_ones_of_the_seed(self, config_of):
        phis = [
            positions_of(
                methods.make_method(config_of(method, seed=seed), 4).network
            )[0].perturbation
            for method, seed in (
                ("fresh_phi", 0),
                ("fresh_phi", 1),
                ("mean_preserving_noise", 0),
                ("channel_noise", 0),
            )
        ]
        numbers = [
            np.concatenate([v.ravel() for v in phi.values().values()])
            for phi in phis
        ]
        assert np.std(numbers[0]) == pytest.approx(0.01, rel=0.4)
        assert np.abs(numbers[0] - numbers[1]).max() > 1e-3
        np.testing.assert_array_equal(numbers[0], numbers[2])
        np.testing.assert_array_equal(numbers[0], numbers[3])
        assert [phi.preserve_mean for phi in phis] == [False] * 2 + [
            True,
            False,
        ]
        assert not phis[2].use_scale
        assert [phi.noise_per for phi in phis] == ["element"] * 3 + ["channel"]
        assert [phi.input_dependent for phi in phis] == [True] * 3 + [False]

    def test_noise_is_faded_in_where_the_method_says_so(self, config_of):
        ramps = {
            method: methods.make_method(
                config_of(method, noise_ramp=0.3), 4
            ).ramp
            for method in ("base", "meta_perturb", "drop_block", "mixup")
        }
        assert ramps == {
            "base": None,
            "meta_perturb": 0.3,
            "drop_block": 1.0,
            "mixup": None,
        }

    def test_hyperparameters_come_from_the_config(self, config_of):
        config = config_of(
            "drop_block", drop_block__rate=0.25, drop_block__block_size=3
        )
        network = methods.make_method(config, 4).network
        layer = network.get_layer("drop_block_2")
        assert (layer.rate, layer.block_size) == (0.25, 3)
        config = config_of(
            "adversarial_training",
            adversarial_training__epsilon=0.1,
            adversarial_training__norm="l2",
        )
        wrapper = methods.make_method(config, 4).trained
        # Pixels in [0, 1] are doubled by the normalization.
        assert (wrapper.epsilon, wrapper.norm) == (0.2, "l2")

    def test_positions_are_limited(self, config_of):
        config = config_of("meta_perturb", positions="bottom")
        network = methods.make_method(config, 4).network
        names = [layer.name for layer in network.layers]
        found = [n for n in names if n.startswith("meta_perturb")]
        assert found == ["meta_perturb_0"]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"method": "dropout"}, "one of(.|\n)*'manifold_mixup'"),
            ({"method": "base+mixup"}, "LAYER(.|\n)*Received(.|\n)*base"),
            ({"method": "mixup+meta_perturb"}, r"LAYER\+WRAPPER"),
            ({"method": "meta_perturb+drop_block"}, "WRAPPER one of"),
            ({"method": "meta_perturb+"}, "Received: method='meta_perturb"),
            ({"positions": "middle"}, "'before_pooling'(.|\n)*'middle'"),
            ({"network": "conv5"}, "Did you mean 'conv6'"),
        ],
    )
    def test_unknown_names_list_the_valid_ones(
        self, config_of, changes, message
    ):
        config = config_of("base")
        config.update(changes)
        with pytest.raises(ValueError, match=message):
            methods.make_method(config, 4)


class FineTuningTest:
    def test_every_method_starts_from_the_source(self, config_of, tmp_path):
        config = config_of("base", seed=7)
        source = methods.make_method(config, 9).network
        source.save(tmp_path / "model.keras")
        kernel = source.layers[1].get_weights()[0]
        for method in TRAINED:
            config = config_of(method, fine_tuning__source=str(tmp_path))
            network = methods.make_method(config, 4).network
            np.testing.assert_array_equal(
                network.layers[1].get_weights()[0], kernel, err_msg=method
            )

    def test_missing_source_is_named(self, config_of, tmp_path):
        config = config_of("base", fine_tuning__source=str(tmp_path / "no"))
        with pytest.raises(FileNotFoundError, match="fine_tuning.source.*no"):
            methods.make_method(config, 4)

    def test_damaged_source_is_named(self, config_of, tmp_path):
        (tmp_path / "model.keras").write_bytes(b"PK damaged")
        config = config_of("base", fine_tuning__source=str(tmp_path))
        with pytest.raises(
            ValueError, match="fine_tuning.source.*whole model.keras"
        ):
            methods.make_method(config, 4)


class TrainTest:
    @pytest.mark.parametrize(
        "method",
        [
            pytest.param(
                method,
                marks=[] if method in RESUMED else [pytest.mark.long],
            )
            for method in TRAINED
        ],
    )
    def test_resumed_run_equals_an_unbroken_one(
        self, config_of, tmp_path, method
    ):
        config = config_of(method, steps=4, checkpoint_every=2, log_every=1)
        whole = target_training.train_target(config, tmp_path / "whole")
        with smoke.interrupted_after(3):
            target_training.train_target(config, tmp_path / "broken")
        resumed = target_training.train_target(config, tmp_path / "broken")
        del whole["seconds"], resumed["seconds"]
        assert resumed == whole
        models = [
            keras.models.load_model(tmp_path / name / "model.keras")
            for name in ("whole", "broken")
        ]
        for first, second in zip(*(model.weights for model in models)):
            np.testing.assert_array_equal(first, second, err_msg=first.path)

    def test_deep_ensemble_averages_its_members(self, config_of, tmp_path):
        sources = []

        def counted(source, **options):
            sources.append(source)
            return datasets.load_images(source, **options)

        config = config_of("deep_ensemble", deep_ensemble__members=2)
        result = target_training.train_target(config, tmp_path, read=counted)
        assert sources == [config.data.source]  # for all of them together
        assert result["method"] == "deep_ensemble"
        members = [tmp_path / "members" / str(index) for index in range(2)]
        seeds = [smoke.read_json(m / "result.json")["seed"] for m in members]
        assert seeds == [1000, 1001]
        ensemble, *models = (
            keras.models.load_model(folder / "model.keras")
            for folder in (tmp_path, *members)
        )
        images = small_networks.draw_images(3, 16, 16, 3)
        expected = np.mean(
            [keras.ops.softmax(model(images)) for model in models], axis=0
        )
        actual = keras.ops.softmax(ensemble(images))
        np.testing.assert_allclose(actual, expected, rtol=1e-4)

    def test_ensemble_of_one_is_refused(self, config_of, tmp_path):
        config = config_of("deep_ensemble", deep_ensemble__members=1)
        with pytest.raises(ValueError, match="members` must be at least 2"):
            target_training.train_target(config, tmp_path)

    def test_test_part_is_tracked_on_demand(self, config_of, tmp_path):
        config = config_of("meta_perturb", track_test=True)
        result = target_training.train_target(config, tmp_path)
        windows = [
            window
            for window in map(
                json.loads,
                (tmp_path / "history.jsonl").read_text().splitlines(),
            )
            if "test_loss" in window
        ]
        assert [window["step"] for window in windows] == [2, 4]
        last = windows[-1]
        assert last["test_accuracy"] == pytest.approx(
            result["accuracy"], abs=25
        )
        tags = smoke.read_events(tmp_path).Tags()["tensors"]
        assert {"test/loss", "test/accuracy"} <= set(tags)
