"""A column of an experiment: the data, and what goes with them."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Column:
    """What the cells of one column have in common.

    Args:
        name: Str, in our table.
        set: Dict of values by config key of the training.
        paper: Str, the column's name in the paper's tables.
        tuned: Dict {method: values by key}, chosen on validation data of
            the source `tuned_on`.
        tuned_on: Str, or "".
        measures: Dict {measure: settings} that are the column's own.
        seeds: Tuple of ints, or None (default) for those of the config.
        rows: Tuple of row names, or None (default) for all.
    """

    name: str
    set: dict[str, typing.Any]
    paper: str
    tuned: dict[str, dict[str, typing.Any]]
    tuned_on: str
    measures: dict[str, dict[str, typing.Any]]
    seeds: tuple[int, ...] | None = None
    rows: tuple[str, ...] | None = None
