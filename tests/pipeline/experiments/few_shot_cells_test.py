"""Cells of few-shot experiments: what decides them, and who runs them."""

import pytest

from configs.experiments import few_shot
from pipeline.experiments import cells
from pipeline.experiments import run_kinds
from pipeline.experiments import runner
from pipeline.trainings import few_shot_training


def make_config(profile="smoke"):
    config = few_shot.make_config("tiny", "A tiny one", profile)
    config.rows = (
        few_shot.row("MAML", "none"),
        few_shot.row("Mixed", "mixup", "meta_sgd", mixup__gamma=0.2),
    )
    return config


class ExpandTest:
    def test_row_sets_method_and_options(self):
        config = make_config()
        config.manual_dir = "data"
        plain, mixed = cells.expand(config)
        assert (plain.config.algorithm, plain.config.inner_perturbation) == (
            "maml",
            "none",
        )
        assert (mixed.config.algorithm, mixed.config.inner_perturbation) == (
            "meta_sgd",
            "mixup",
        )
        assert mixed.config.mixup.gamma == 0.2
        assert mixed.config.data.manual_dir == "data"

    def test_columns_set_what_is_their_own(self):
        config = make_config("paper")
        config.few_shot.test_episodes = 7
        found = {c.column.name: c.config for c in cells.expand(config)}
        large = found[few_shot.MINI_IMAGENET_5]
        assert (large.ways, large.shots, large.image_channels) == (5, 5, 3)
        assert (large.data.source, large.inner_rate) == (
            "few_shot:mini_imagenet",
            0.01,
        )
        assert {run.test_episodes for run in found.values()} == {7}

    def test_unknown_key_names_the_section(self):
        config = make_config()
        config.rows = (few_shot.row("Odd", "none", speed=3),)
        with pytest.raises(ValueError, match="'Odd'.*`few_shot`.*speed"):
            cells.expand(config)


class OfTest:
    def test_unknown_task_lists_the_valid_ones(self):
        config = make_config()
        config.task = "detection"
        with pytest.raises(ValueError, match="'target', 'few_shot'.*'detecti"):
            run_kinds.of(config)


class ReproduceTest:
    def test_cells_are_few_shot_trainings(self, tmp_path, monkeypatch):
        ran = []

        def train(config, folder, data_dir, read):
            ran.append((config.inner_perturbation, folder.name.split("-")[0]))
            raise FloatingPointError("diverged")

        monkeypatch.setattr(few_shot_training, "few_shot_train", train)
        summary = runner.reproduce(make_config(), tmp_path)
        assert ran == [("none", "maml"), ("mixup", "mixed")]
        assert len(summary["failures"]) == 2
