"""Configs of earlier versions, in today's keys."""

import json

import pytest

from configs.few_shot import omniglot
from configs.meta_train import glyphs
from configs.target import default
from pipeline.runs import earlier_configs
from pipeline.runs import run_configs
from pipeline.runs import run_folder

LATER = {
    "target": [
        "c_max",
        "data.balanced",
        "data.keep_repeated",
        "data.cache_gib",
        "data.memory_gib",
        "data.pooled",
        "deterministic",
        "early_stopping",
        "minutes",
        "pretrained",
    ],
    "meta-training": [
        "c_max",
        "data.cache_gib",
        "data.memory_gib",
        "phi_l2",
        "phi_learning_rate",
        "phi_stddev",
        "restart_every",
        "train_examples",
    ],
    "few-shot": ["classes_per", "noise_from", "noise_in_test"],
}
NAMES = {  # of what all three once called `perturbation`
    "target": "phi",
    "meta-training": "phi_options",
    "few-shot": "inner_perturbation",
}


def today(run_kind):
    config = {
        "target": lambda: default.get_config("conv4"),
        "meta-training": lambda: glyphs.get_config("conv4"),
        "few-shot": omniglot.get_config,
    }[run_kind]()
    return json.loads(json.dumps(config.to_dict()))


def earlier(run_kind):
    """Returns a config of such a run, as earlier versions wrote it."""
    config = today(run_kind)
    config["perturbation"] = config.pop(NAMES[run_kind])
    for key in LATER[run_kind]:
        *section, name = key.split(".")
        del (config[section[0]] if section else config)[name]
    return config


class UpgradedTest:
    @pytest.mark.parametrize("run_kind", LATER)
    def test_defaults_of_today_resume_a_run_of_earlier(self, run_kind):
        assert earlier_configs.upgraded(earlier(run_kind)) == today(run_kind)
        assert earlier_configs.upgraded(today(run_kind)) == today(run_kind)

    def test_values_are_kept_and_the_argument_is_not_changed(self):
        config = today("target")
        config["c_max"] = 0.5
        assert earlier_configs.upgraded(config)["c_max"] == 0.5
        old = earlier("target")
        earlier_configs.upgraded(old)
        assert old == earlier("target")

    def test_phi_had_the_rate_and_l2_of_the_tasks(self):
        old = earlier("meta-training")
        old |= {"learning_rate": 0.5, "l2": 0.25}
        config = earlier_configs.upgraded(old)
        assert (config["phi_learning_rate"], config["phi_l2"]) == (0.5, 0.25)

    def test_folders_are_read_and_gone_on_with(self, tmp_path):
        (tmp_path / "config.json").write_text(json.dumps(earlier("target")))
        config = run_configs.read(tmp_path, "target training", "method")
        assert config.c_max == 1.0
        run_folder.RunFolder(tmp_path, today("target"))

    def test_few_shot_folder_is_gone_on_with(self, tmp_path):
        (tmp_path / "config.json").write_text(json.dumps(earlier("few-shot")))
        config = run_configs.read(tmp_path, "few-shot training", "ways")
        assert config.inner_perturbation == "meta_dropout"
        run_folder.RunFolder(tmp_path, today("few-shot"))
        changed = {**today("few-shot"), "inner_perturbation": "none"}
        with pytest.raises(ValueError, match="inner_perturbation='meta_drop"):
            run_folder.RunFolder(tmp_path, changed)

    def test_another_validation_part_is_refused_unless_finished(self, tmp_path):
        old = earlier("target")
        old["data"] |= {"validation_fraction": 0.2, "examples_per_class": 5}
        (tmp_path / "config.json").write_text(json.dumps(old))
        new = earlier_configs.upgraded(old)
        with pytest.raises(ValueError, match="cut the validation part off"):
            run_folder.RunFolder(tmp_path, new)
        (tmp_path / "result.json").write_text('{"a": 1}')
        run_folder.RunFolder(tmp_path, new)
