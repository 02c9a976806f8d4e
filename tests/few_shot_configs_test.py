"""Few-shot configs: the words of their arguments, and the paper's values."""

import json
import pathlib

import pytest

from configs.few_shot import base
from configs.few_shot import glyphs
from configs.few_shot import mini_imagenet
from configs.few_shot import omniglot
from pipeline.trainings import few_shot_methods

FILES = (glyphs, mini_imagenet, omniglot)


def short_name(module):
    return module.__name__.rpartition(".")[2]


class ParseTest:
    def test_nothing_means_meta_dropout_on_maml(self):
        words = base.parse("", "20way_1shot")
        assert words == base.Words(20, 1, "maml", "meta_dropout")

    def test_words_in_any_order(self):
        words = base.parse(
            "smoke,none,meta_sgd,authors,5way_3shot", "2way_1shot"
        )
        assert words == base.Words(5, 3, "meta_sgd", "none", True, True)

    @pytest.mark.parametrize(
        ("argument", "message"),
        [
            ("20way", "WAYSway_SHOTSshot(.|\n)*'20way'"),
            ("dropout", "'meta_dropout'(.|\n)*'dropout'"),
            ("0way_1shot", "'0way_1shot'"),
            ("5way_1shot,5way_5shot", "the task once"),
            ("none,mixup", "the perturbation once"),
        ],
    )
    def test_anything_else_raises(self, argument, message):
        with pytest.raises(ValueError, match=message):
            base.parse(argument, "5way_1shot")


class GetConfigTest:
    @pytest.mark.parametrize("module", FILES, ids=short_name)
    def test_is_plain_values_and_names_its_command(self, module):
        config = json.loads(json.dumps(module.get_config().to_dict()))
        assert config["inner_perturbation"] == "meta_dropout"
        name = pathlib.Path(module.__file__).name
        assert f"--config=configs/few_shot/{name}:" in module.__doc__

    @pytest.mark.parametrize("module", FILES, ids=short_name)
    def test_smoke_has_the_keys_and_is_smaller(self, module):
        config, smoke = module.get_config(), module.get_config("smoke")
        assert config.keys() == smoke.keys()
        assert config.data.keys() == smoke.data.keys()
        for key in ("steps", "tasks", "image_size", "channels", "samples"):
            assert smoke[key] < config[key]
        assert smoke.steps > smoke.checkpoint_every
        trainer = few_shot_methods.make_trainer(smoke)
        assert trainer.learner.network.input_shape == (16, 16, 1)

    @pytest.mark.parametrize("module", FILES, ids=short_name)
    def test_shared_values_are_the_papers(self, module):
        config = module.get_config()
        assert (config.inner_steps, config.samples, config.clip) == (5, 30, 3.0)
        assert (config.queries, config.queries_per) == (15, "task")
        assert config.meta_dropout.logits == "additive"  # the authors'
        assert config.classes_per == "task"


class OmniglotTest:
    @pytest.mark.parametrize(
        ("argument", "expected"),
        [
            ("", (20, 1, 0.1, 8, 40_000, 1e-3)),
            ("20way_5shot", (20, 5, 0.4, 6, 40_000, 1e-3)),
            ("authors", (20, 1, 0.1, 4, 60_000, 3e-4)),
            ("authors,none", (20, 1, 0.1, 4, 60_000, 1e-3)),
            ("20way_5shot,authors", (20, 5, 0.4, 4, 60_000, 1e-3)),
        ],
    )
    def test_paper_and_authors(self, argument, expected):
        config = omniglot.get_config(argument)
        assert expected == (
            config.ways,
            config.shots,
            config.inner_rate,
            config.tasks,
            config.steps,
            config.learning_rate,
        )
        shape = (config.image_size, config.image_channels, config.channels)
        assert shape == (28, 1, 64)

    def test_authors_episodes(self):
        config = omniglot.get_config("authors")
        assert (config.queries, config.queries_per) == (15, "class")
        assert config.classes_per == "meta_batch"


class MiniImagenetTest:
    @pytest.mark.parametrize("argument", ["", "authors", "5way_5shot"])
    def test_is_the_papers(self, argument):
        config = mini_imagenet.get_config(argument)
        assert (config.inner_rate, config.tasks) == (0.01, 4)
        assert (config.steps, config.learning_rate) == (60_000, 1e-4)
        shape = (config.image_size, config.image_channels, config.channels)
        assert shape == (84, 3, 32)
