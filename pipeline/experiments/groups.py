"""Measures of finished cells, brought together for a figure."""

import numpy as np


def by_column(finished, measure):
    """Returns {column: {style of the row: [measure of each seed]}}.

    Args:
        finished: List of `runner.Finished`.
        measure: Str, name of the measure.
    """
    grouped = {}
    for each in finished:
        methods = grouped.setdefault(each.cell.column.name, {})
        style = each.cell.row.style
        methods.setdefault(style, []).append(each.measured[measure])
    return grouped


def plain(value):
    """Returns nested dicts with lists in place of arrays."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value
