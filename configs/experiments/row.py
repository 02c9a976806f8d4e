"""A row of an experiment: a method, and what it starts from."""

import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class Row:
    """What the cells of one row have in common.

    Args:
        name: Str, in our table.
        set: Dict of values by config key of the training.
        style: Str, METHOD[:VARIANT], see pipeline/figures/method_styles.py.
        paper: Str, the row's name in the paper's tables.
        phi: Str, name of one of the config's `phis` or `phi_paths`, or of a φ
            that ships, or "" (default).
        fine_tuned: Bool, default False: whether the network starts from the
            weights of the source classifier.
    """

    name: str
    set: dict[str, typing.Any]
    style: str
    paper: str
    phi: str = ""
    fine_tuned: bool = False
