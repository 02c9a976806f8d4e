"""Tables: ours beside the paper's."""

import csv
import dataclasses
import pathlib

import pytest

from configs.experiments import base
from configs.experiments import few_shot_table1
from pipeline.experiments import cells
from pipeline.experiments import runner
from pipeline.experiments import tables
from tests.pipeline.experiments import tiny


def finished(config, accuracies):
    """Makes runs of these accuracies: {(row, column): accuracies by seed}."""
    made = []
    for cell in cells.expand(config):
        key = cell.row.name, cell.column.name
        if key in accuracies:
            result = {
                "accuracy": accuracies[key][cell.seed],
                "negative_log_likelihood": 1.25,
                "expected_calibration_error": 3.5,
                "brier_score": 0.5,
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
    def test_markdown_has_both_numbers(self, config, tmp_path):
        runs = finished(
            config,
            {
                ("Base", "Cars"): [40.0, 42.0],
                ("Ours", "Cars"): [50.0, 50.0],
                ("Ours", "Mine"): [61.0, 63.0],
            },
        )
        markdown, *_ = tables.write(config, runs, tmp_path)
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
        paper = "44.34 ± 1.10"  # of no row that is called Absent
        assert "| Absent | – | – |" in lines and paper not in lines[-1]
        assert "| Base | 1.250 ± 0.000 | – |" in lines  # no number of the paper

    def test_csv_holds_the_same_numbers(self, config, tmp_path):
        runs = finished(config, {("Base", "Cars"): [40.0, 42.0]})
        _, path, _ = tables.write(config, runs, tmp_path)
        with open(path, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == 4 * 3 * 2  # metrics, rows, columns
        assert sum(line["mean"] != "" for line in lines) == 4
        first = lines[0]
        assert (first["metric"], first["mean"]) == ("accuracy", "41.0")
        assert float(first["half_width"]) == pytest.approx(12.706, abs=1e-3)
        assert (first["seeds"], first["paper"]) == ("2", "44.34")

    def test_second_csv_has_a_line_a_run(self, config, tmp_path):
        config.metric = "negative_log_likelihood"
        runs = finished(
            config,
            {("Base", "Cars"): [40.5, 42.0], ("Ours", "Mine"): [61.0, 63.0]},
        )
        del runs[1]  # seed 1 of Base failed
        *_, path = tables.write(config, runs, tmp_path)
        assert path == tmp_path / f"{config.name}_runs.csv"
        assert path.read_text().splitlines() == [
            "row,column,seed,negative_log_likelihood,accuracy,"
            "expected_calibration_error,brier_score",
            "Base,Cars,0,1.25,40.5,3.5,0.5",
            "Ours,Mine,0,1.25,61.0,3.5,0.5",
            "Ours,Mine,1,1.25,63.0,3.5,0.5",
        ]

    def test_lists_what_was_chosen_or_is_there(self, config, tmp_path):
        config.only_rows = ("Ours",)
        base_row, *others = config.rows
        config.rows = (dataclasses.replace(base_row, phi="mine"), *others)
        config.phi_paths.mine = ""  # Base: a row without its φ
        runs = finished(config, {("Absent", "Cars"): [40.0, 42.0]})
        markdown, *_ = tables.write(config, runs, tmp_path)
        names = [
            line.split("|")[1].strip()
            for line in markdown.read_text().splitlines()
            if line.startswith("| ")
        ]
        assert names == ["", "Ours", "Absent"] * 4

    def test_says_where_hyperparameters_are_from(self, config, tmp_path):
        config.columns = (base.column("Cars", tuned_for="paper:aircraft"),)
        config.rows = (
            base.row("Base", "base"),
            base.row("Blocks", "drop_block"),
            base.row("Mixed", "drop_block+mixup"),
            base.row("Ours", "mixup", mixup__alpha=0.7),
        )
        runs = finished(
            config, {(row.name, "Cars"): [1.0, 2.0] for row in config.rows}
        )
        markdown, *_ = tables.write(config, runs, tmp_path)
        (line,) = [
            line
            for line in markdown.read_text().splitlines()
            if line.startswith("- Cars.")
        ]
        assert line == (
            "- Cars. drop_block: block_size 7, ramp 1.0, rate 0.05 (chosen on "
            "subset:cars); mixup: alpha 0.2 (default); mixup: alpha 0.7 (of "
            "the row)"
        )

    def test_single_seed_has_no_interval(self, config, tmp_path):
        config.seeds = (0,)
        runs = finished(config, {("Base", "Mine"): [40.0]})
        markdown, *_ = tables.write(config, runs, tmp_path)
        assert " | 40.0 (paper 30.63 ± 0.66) |" in markdown.read_text()

    def test_interval_over_the_test_of_a_single_seed(self, config, tmp_path):
        config.seeds = (0,)
        runs = finished(config, {("Base", "Cars"): [40.0]})
        runs[0].result["accuracy_half_width"] = 1.5
        markdown, *_ = tables.write(config, runs, tmp_path)
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
        markdown, path, _ = tables.write(config, runs, tmp_path)
        lines = markdown.read_text().splitlines()
        assert "| MAML | 94.99 ± 0.20 (paper 95.23 ± 0.17) |" in lines
        quoted = "| Matching Networks (Vinyals et al., 2016) | – (paper 93.8) |"
        assert lines.count(quoted) == 1  # with the accuracy alone
        protocol = "20-way 1-shot, 15 queries per task, 28 pixels, 64 channels"
        assert protocol in markdown.read_text()
        with open(path, newline="", encoding="utf-8") as file:
            values = {line["row"]: line for line in csv.DictReader(file)}
        assert values["MT-Net (Lee & Choi, 2018)"]["paper"] == "96.2"
        assert values["MT-Net (Lee & Choi, 2018)"]["mean"] == ""
