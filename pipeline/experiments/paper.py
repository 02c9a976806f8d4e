"""The paper's own numbers, as data: `paper_tables.csv`.

Columns: paper (MetaPerturb or Meta Dropout), table (number and what it holds),
row, column, value, plus_minus (both as printed).
"""

import csv
import pathlib

_FILE = pathlib.Path(__file__).parent / "paper_tables.csv"


def paper_value(table, row, column, paper="MetaPerturb"):
    """Returns (value, plus_minus) as printed, or None if the paper has none.

    Args:
        table: Str, as in the file, such as "1 accuracy (%) ResNet20".
        row: Str, name of the row there.
        column: Str, name of the column there.
        paper: Str, default "MetaPerturb".
    """
    return _values().get((paper, table, row, column))


def _values():
    with open(_FILE, encoding="utf-8", newline="") as file:
        return {
            (line["paper"], line["table"], line["row"], line["column"]): (
                line["value"],
                line["plus_minus"],
            )
            for line in csv.DictReader(file)
        }
