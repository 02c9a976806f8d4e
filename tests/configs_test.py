"""Every config, in its full and its smoke form."""

import importlib
import json
import pathlib

import ml_collections
import pytest

import configs
import mp_keras
from configs import arguments
from configs.experiments import small_tasks as experiments_small_tasks
from configs.experiments import small_tasks_confirmation
from configs.meta_train import small_tasks
from configs.meta_train import small_tasks_narrow
from configs.meta_train import tiny_imagenet
from configs.studies import gradients
from configs.target import own_images
from configs.target import pretrained
from mp_keras.perturbation import positions_of
from pipeline.runs import config_values
from pipeline.trainings import data_choices
from pipeline.trainings import meta_training
from pipeline.trainings import target_training
from tests import small_networks
from tests import squares

_ROOT = pathlib.Path(configs.__file__).parent


def modules_in(folder):
    """Returns the config files of a folder: those with a `get_config`."""
    names = sorted(file.stem for file in (_ROOT / folder).glob("*.py"))
    modules = [
        importlib.import_module(f"configs.{folder}.{name}")
        for name in names
        if name != "__init__"
    ]
    return [module for module in modules if hasattr(module, "get_config")]


META, TARGET = modules_in("meta_train"), modules_in("target")
# Those with the paper's values; the others leave them to the data.
PAPER = [
    module for module in META + TARGET if module not in (own_images, pretrained)
]


def short_name(value):
    return getattr(value, "__name__", str(value)).rpartition(".")[2]


class ArgumentsTest:
    @pytest.mark.parametrize(
        ("argument", "expected"),
        [
            ("", ("resnet20", False)),
            ("conv4", ("conv4", False)),
            ("smoke", ("resnet20", True)),
            ("conv4,smoke", ("conv4", True)),
            ("smoke,wrn_28_2", ("wrn_28_2", True)),
        ],
    )
    def test_parse(self, argument, expected):
        assert arguments.parse(argument) == expected

    @pytest.mark.parametrize(
        "argument", ["conv5", "conv4,resnet20", "Smoke", "conv4 smoke"]
    )
    def test_anything_else_raises(self, argument):
        with pytest.raises(ValueError, match=f"one of(.|\n)*'{argument}'"):
            arguments.parse(argument)


class GetConfigTest:
    @pytest.mark.parametrize("module", META + TARGET, ids=short_name)
    def test_is_plain_values_and_names_its_command(self, module):
        config = module.get_config()
        assert isinstance(config, ml_collections.ConfigDict)
        network = json.loads(json.dumps(config.to_dict()))["network"]
        assert network == (
            "EfficientNetB0" if module is pretrained else "resnet20"
        )
        file = pathlib.Path(module.__file__)
        command = f"--config=configs/{file.parent.name}/{file.name}:"
        assert command in module.__doc__

    @pytest.mark.parametrize("module", PAPER, ids=short_name)
    def test_smoke_has_the_keys_and_is_smaller(self, module):
        config, smoke = module.get_config(), module.get_config("smoke")
        assert config.keys() == smoke.keys()
        assert config.data.keys() == smoke.data.keys()
        for key in ("steps", "batch_size", "image_size"):
            assert smoke[key] < config[key]
        assert smoke.steps > smoke.log_every  # more than one window

    def test_tiny_imagenet_is_that_of_the_authors_code(self):
        config = tiny_imagenet.get_config()
        assert (config.tasks, config.task_split) == (10, "swapped_halves")
        assert (config.steps, config.batch_size) == (750, 128)
        assert (config.learning_rate, config.l2) == (1e-3, 5e-4)
        assert config.image_size == 32

    def test_small_tasks_are_those_of_the_study(self):
        config, study = small_tasks.get_config(), gradients.get_config()
        assert (config.tasks, config.steps) == (study.tasks, study.steps)
        assert config.restart_every == study.period
        assert config.phi_learning_rate == study.rate
        assert config.phi_stddev == study.spread
        assert config.noise_ramp == study.ramp
        assert (config.learning_rate, config.l2) == (
            study.learning_rate,
            study.l2,
        )
        assert config.phi_l2 == 0
        assert small_tasks_narrow.get_config().phi_stddev == 0.01
        judged = small_tasks_confirmation.get_config().columns
        judged += experiments_small_tasks.get_config().columns
        judged = {
            number for each in judged for number in each.set["data.classes"]
        }
        learned = set(config.data.classes)
        assert (len(learned), len(judged)) == (120, 80)
        assert not learned & judged
        held_out = config.data.examples_per_class - config.train_examples
        assert (config.train_examples, held_out) == (50, 100)

    @pytest.mark.parametrize(
        ("module", "network"),
        [(own_images, "conv4"), (pretrained, "ResNet50V2")],
    )
    def test_own_images_leave_to_the_data_what_they_decide(
        self, module, network
    ):
        config = module.get_config(network)
        assert not any(config[key] for key in data_choices.KEYS)
        assert (config.minutes, config.network) == (30, network)
        config_values.check(config.to_dict())
        smoke = module.get_config(f"{network},smoke")
        assert all(smoke[key] for key in data_choices.KEYS)
        assert smoke.network == network

    def test_pretrained_takes_applications_alone(self):
        with pytest.raises(ValueError, match="'ConvNeXtTiny'(.|\n)*'conv4'"):
            pretrained.get_config("conv4")
        assert pretrained.get_config("smoke").pretrained.weights == ""

    def test_phi_follows_the_tasks_unless_it_has_its_own(self):
        config = tiny_imagenet.get_config()
        config.learning_rate = 0.5
        assert config.phi_learning_rate == 0.5
        config.phi_learning_rate = 0.25
        assert config.to_dict()["learning_rate"] == 0.5

    @pytest.mark.parametrize(
        "module", [m for m in TARGET if m in PAPER], ids=short_name
    )
    def test_target_training_is_that_of_appendix_c(self, module):
        config = module.get_config()
        assert (config.steps, config.batch_size) == (10_000, 128)
        assert (config.learning_rate, config.l2) == (1e-3, 5e-4)
        drops = [part * config.steps for part in config.learning_rate_drops]
        assert drops == [4_000, 7_000, 9_000]
        assert config.learning_rate_factor == 0.3
        assert (config.noise_ramp, config.samples) == (0.4, 30)


class RulesTest:
    @pytest.mark.parametrize("argument", ["", "smoke"])
    @pytest.mark.parametrize(
        "module", META + TARGET + modules_in("few_shot"), ids=short_name
    )
    def test_every_key_has_one(self, module, argument):
        config = module.get_config(argument).to_dict()
        config.pop("network_options", None)  # the network knows them
        assert set(config_values.flat(config)) <= set(config_values.RULES)


class SmokeTest:
    @pytest.mark.parametrize("network", ["conv4", "resnet20"])
    @pytest.mark.parametrize("module", META, ids=short_name)
    def test_meta_config_builds(self, module, network):
        config = module.get_config(f"{network},smoke")
        trainer = meta_training.make_trainer(config, classes=2)
        assert trainer.task_network.network.name == network
        assert trainer.task_network.network.input_shape == (None, 16, 16, 3)
        assert trainer.tasks == 2

    @pytest.mark.parametrize("network", ["conv4", "resnet20"])
    @pytest.mark.parametrize(
        "module", [m for m in TARGET if m is not pretrained], ids=short_name
    )
    def test_target_config_builds(self, module, network, tmp_path):
        config = module.get_config(f"{network},smoke")
        config.method = "meta_perturb"
        config.phi = str(tmp_path / "phi")
        phi = small_networks.random_phi()
        mp_keras.save_perturbation(phi, config.phi)
        model = target_training.make_model(config, classes=2).network
        assert model.name == network
        assert len(positions_of(model)) == {
            "conv4": 4,
            "resnet20": 9,
        }.get(network)

    @pytest.mark.usefixtures("eagerly")
    def test_resnet20_meta_trains(self, tmp_path):
        config = META[0].get_config("resnet20,smoke")
        config.data.source = squares.write_npz(tmp_path / "squares.npz")
        config.steps = 2
        result = meta_training.meta_train(config, tmp_path / "run")
        assert result["network"] == "resnet20"
        mp_keras.load_perturbation(tmp_path / "run" / "phi")
