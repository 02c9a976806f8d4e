"""docs/results.md says what docs/results_runs.csv holds, run by run."""

import csv
import pathlib

import pytest

from configs.experiments import data_at_hand
from pipeline import intervals
from pipeline.experiments import cells

_DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
_BASE = "Base"


@pytest.fixture(scope="module")
def page():
    return (_DOCS / "results.md").read_text(encoding="utf-8")


def read_runs():
    """Returns {column: its runs as `statistics` takes them}, in file order."""
    runs = {}
    path = _DOCS / "results_runs.csv"
    with open(path, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            run = {
                "method": line["row"],
                "seed": int(line["seed"]),
                "test": {
                    name: float(line[name])
                    for name in intervals.METRICS
                    if name in line
                },
            }
            runs.setdefault(line["column"], []).append(run)
    return runs


RUNS = read_runs()
SEVERAL = [
    column
    for column, runs in RUNS.items()
    if len({run["seed"] for run in runs}) > 1
]


def means(runs):
    """Returns the lines of a table: every row's mean and interval."""
    return [_line(*found) for found in intervals.summarize(runs).items()]


def gains(runs):
    """Returns the lines of a table: every row against Base, by seed."""
    found = intervals.paired_gains(runs, plain=_BASE)
    return [_line(row, numbers, sign="+") for row, numbers in found.items()]


def _line(row, spreads, sign=""):
    metrics = intervals.format_metrics(spreads, sign)
    return f"| {' | '.join([row, *metrics])} |"


class ResultsTest:
    @pytest.mark.parametrize("column", RUNS)
    def test_tables_are_those_of_the_runs(self, page, column):
        assert "\n".join(means(RUNS[column])) in page

    @pytest.mark.parametrize("column", SEVERAL)
    def test_gains_are_those_of_the_runs(self, page, column):
        assert "\n".join(gains(RUNS[column])) in page

    def test_runs_are_the_cells_of_the_config(self):
        config = data_at_hand.get_config()
        config.phi_paths.authors = "given"
        known = [
            (cell.column.name, cell.row.name, cell.seed)
            for cell in cells.expand(config)
        ]
        listed = [
            (column, run["method"], run["seed"])
            for column, runs in RUNS.items()
            for run in runs
        ]
        assert sorted(listed) == sorted(known)
