"""docs/results.md says what docs/results_runs.csv holds, run by run."""

import csv
import pathlib

import pytest

from configs.experiments import data_at_hand
from pipeline.experiments import cells
from pipeline.report import statistics

_DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
_BASE = "Base"


@pytest.fixture(scope="module")
def page():
    return (_DOCS / "results.md").read_text(encoding="utf-8")


def read_runs():
    """Returns {column: {row: {seed: {figure: value}}}}, in the file's order."""
    runs = {}
    path = _DOCS / "results_runs.csv"
    with open(path, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            seeds = runs.setdefault(line["column"], {})
            seeds = seeds.setdefault(line["row"], {})
            assert int(line["seed"]) not in seeds, line
            seeds[int(line["seed"])] = {
                figure: float(line[figure]) for figure in statistics.FIGURES
            }
    return runs


RUNS = read_runs()
SEVERAL = [
    column
    for column, rows in RUNS.items()
    if any(len(seeds) > 1 for seeds in rows.values())
]


def means(rows):
    """Returns the lines of a table: every row's mean and interval."""
    return [
        _line(
            row,
            {
                figure: statistics.interval(
                    [values[figure] for values in seeds.values()]
                )
                for figure in statistics.FIGURES
            },
        )
        for row, seeds in rows.items()
    ]


def gains(rows):
    """Returns the lines of a table: every row against Base, by seed."""
    lines = []
    for row, seeds in rows.items():
        if row == _BASE or len(seeds) == 1:
            continue
        runs = [
            {"method": name, "seed": seed, "test": values}
            for name in (row, _BASE)
            for seed, values in rows[name].items()
        ]
        found = statistics.paired_gains(runs, method=row, base=_BASE)
        lines.append(_line(row, found, sign="+"))
    return lines


def _line(row, intervals, sign=""):
    figures = statistics.format_figures(intervals, sign)
    return f"| {' | '.join([row, *figures])} |"


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
        known = {
            (cell.column["name"], cell.row["name"], cell.seed)
            for cell in cells.expand(config)
        }
        listed = {
            (column, row, seed)
            for column, rows in RUNS.items()
            for row, seeds in rows.items()
            for seed in seeds
        }
        assert listed == known
