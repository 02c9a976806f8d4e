"""Tables: ours beside the paper's."""

import csv
import pathlib

import pytest

from configs.experiments import base
from configs.experiments import few_shot_table1
from pipeline.experiments import cells
from pipeline.experiments import runner
from pipeline.experiments import tables
from tests.pipeline.experiments import tiny


def finished(config, figures):
    """Makes runs of these figures: {(row, column): accuracies by seed}."""
    made = []
    for cell in cells.expand(config):
        key = cell.row["name"], cell.column["name"]
        if key in figures:
            result = {
                "accuracy": figures[key][cell.seed],
                "negative_log_likelihood": 1.25,
                "expected_calibration_error": 3.5,
            }
            made.append(runner.Finished(cell, pathlib.Path(), result))
    return made


@pytest.fixture
def config():
    rows = [
        base.row("Base", "base"),
        base.row("Ours", "mixup", paper="MetaPerturb"),
        base.row("Absent", "mixup"),
    ]
    config = tiny.make_config("npz:x", rows, seeds=(0, 1))
    config.columns = (base.column("Cars"), base.column("Mine", paper="CUB"))
    config.paper_table = "1 accuracy (%) ResNet20"
    return config


class WriteTest:
    def test_markdown_has_both_figures(self, config, tmp_path):
        runs = finished(
            config,
            {
                ("Base", "Cars"): [40.0, 42.0],
                ("Ours", "Cars"): [50.0, 50.0],
                ("Ours", "Mine"): [61.0, 63.0],
            },
        )
        markdown, _ = tables.write(config, runs, tmp_path)
        lines = markdown.read_text().splitlines()
        assert lines[0] == "# A tiny experiment"
        # Student's t with one degree of freedom: 12.706 * sqrt(2) / sqrt(2).
        assert (
            "| Base | 41.0 ± 12.7 (paper 44.34 ± 1.10) | – (paper 30.63 ± 0.66)"
            " |" in lines
        )
        assert (
            "| Ours | 50.0 ± 0.0 (paper 62.49 ± 0.96) | 62.0 ± 12.7 "
            "(paper 39.94 ± 1.30) |" in lines
        )
        assert not any(line.startswith("| Absent") for line in lines)
        assert "| Base | 1.250 ± 0.000 | – |" in lines  # no paper's figure

    def test_csv_holds_the_same_numbers(self, config, tmp_path):
        runs = finished(config, {("Base", "Cars"): [40.0, 42.0]})
        _, path = tables.write(config, runs, tmp_path)
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == 3  # figures of one row and column
        first = lines[0]
        assert (first["figure"], first["mean"]) == ("accuracy", "41.0")
        assert float(first["half_width"]) == pytest.approx(12.706, abs=1e-3)
        assert (first["seeds"], first["paper"]) == ("2", "44.34")

    def test_single_seed_has_no_interval(self, config, tmp_path):
        config.seeds = (0,)
        runs = finished(config, {("Base", "Mine"): [40.0]})
        markdown, _ = tables.write(config, runs, tmp_path)
        assert "| Base | 40.0 (paper 30.63 ± 0.66) |" in markdown.read_text()

    def test_interval_over_the_test_of_a_single_seed(self, config, tmp_path):
        config.seeds = (0,)
        runs = finished(config, {("Base", "Cars"): [40.0]})
        runs[0].result["accuracy_half_width"] = 1.5
        markdown, _ = tables.write(config, runs, tmp_path)
        text = markdown.read_text()
        assert "| Base | 40.0 ± 1.5 (paper 44.34 ± 1.10) |" in text
        assert "| Base | 1.250 |" in text


class FewShotTablesTest:
    def test_quotes_what_is_not_run(self, tmp_path):
        config = few_shot_table1.get_config("paper")
        config.only_columns = ("Omniglot 20-way 1-shot",)
        key = ("MAML", "Omniglot 20-way 1-shot")
        runs = finished(config, {key: [94.987]})
        runs[0].result["accuracy_half_width"] = 0.2
        markdown, path = tables.write(config, runs, tmp_path)
        lines = markdown.read_text().splitlines()
        assert "| MAML | 94.99 ± 0.20 (paper 95.23 ± 0.17) |" in lines
        quoted = "| Matching Networks (Vinyals et al., 2016) | – (paper 93.8) |"
        assert lines.count(quoted) == 1  # with the accuracy alone
        protocol = "20-way 1-shot, 15 queries a task, 28 pixels, 64 channels"
        assert protocol in markdown.read_text()
        with open(path, newline="", encoding="utf-8") as file:
            values = {line["row"]: line for line in csv.DictReader(file)}
        assert values["MT-Net (Lee & Choi, 2018)"]["paper"] == "96.2"
        assert values["MT-Net (Lee & Choi, 2018)"]["mean"] == ""
