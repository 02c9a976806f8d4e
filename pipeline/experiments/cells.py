"""The cells of an experiment: one training for row, column and seed."""

import dataclasses
import pathlib
import re
import typing

import ml_collections

from pipeline import digests
from pipeline.experiments import run_kinds
from pipeline.runs import run_configs
from pipeline.trainings import config_names


@dataclasses.dataclass(frozen=True)
class Cell:
    """One training of an experiment, of the run kind that its config names.

    Attributes:
        row, column: `Row` and `Column` of the config, as
            configs/experiments/row.py and column.py have them.
        seed: Int.
        config: Config of the training, without φ and source, which are made
            first.
    """

    row: typing.Any
    column: typing.Any
    seed: int
    config: ml_collections.ConfigDict

    @property
    def title(self):
        return f"{self.row.name}, {self.column.name}, seed {self.seed}"

    def folder(self, workdir, prerequisites):
        """Returns the cell's folder: readable, and unique to its config.

        Args:
            workdir: Path-like of the experiment.
            prerequisites: JSON-compatible: what φ and fine-tuning start from.
        """
        digest = content_digest([without_places(self.config), prerequisites])
        name = f"{slug(self.row.name)}-{slug(self.column.name)}"
        name = f"{name}-seed{self.seed}-{digest}"
        return pathlib.Path(workdir) / "cells" / name


def rows_of(config):
    """Returns the rows, without those whose φ of `phi_paths` is not given."""
    return [
        row for row in config.rows if config.phi_paths.get(row.phi, "given")
    ]


def expand(config):
    """Returns all cells of an experiment's config, in its order.

    Raises: ValueError, if a row or column sets a key that a training's config
        lacks, or two rows of a figure would look the same.
    """
    rows = rows_of(config)
    styles = [row.style for row in rows]
    if config.measure_names and len(set(styles)) < len(styles):
        raise ValueError(
            "The rows of a figure must have a `style` each. "
            f"Received: {sorted(styles)}"
        )
    return [
        Cell(row, column, seed, _run_config(config, row, column, seed))
        for column in config.columns
        for row in rows
        if column.rows is None or row.name in column.rows
        for seed in (column.seeds or config.seeds)
    ]


def chosen(cells, config):
    """Returns the cells that `only_rows`, `_columns` and `_seeds` leave.

    Raises: ValueError, if they name what no cell has, or nothing is left.
    """
    for key, names in (
        ("only_rows", {cell.row.name for cell in cells}),
        ("only_columns", {cell.column.name for cell in cells}),
        ("only_seeds", {cell.seed for cell in cells}),
    ):
        unknown = [name for name in config[key] if name not in names]
        if unknown:
            raise ValueError(
                f"Config key `{key}` must hold any of {sorted(names)}. "
                f"Received: {unknown}"
            )
    left = [
        cell
        for cell in cells
        if (not config.only_rows or cell.row.name in config.only_rows)
        and (not config.only_columns or cell.column.name in config.only_columns)
        and (not config.only_seeds or cell.seed in config.only_seeds)
    ]
    if not left:
        raise ValueError(
            "Config keys `only_rows`, `only_columns` and `only_seeds` must "
            "leave a cell to run. Received: a choice without any"
        )
    return left


def without_places(config):
    """Returns a config as a dict, without what decides nothing.

    That is where data lie, and how a network would be trained that is not the
    config's.
    """
    found = config.to_dict()
    for place in run_configs.PLACES:
        section, key = place.split(".")
        if key in found.get(section, {}):
            found[section][key] = type(found[section][key])()
    if found.get("network") not in config_names.APPLICATIONS:
        found.pop("pretrained", None)
    return found


def content_digest(value):
    """Returns 10 letters that stand for a JSON-compatible value."""
    return digests.of_json(value, 10)


def slug(name):
    """Returns a name in lower case, with nothing that a path may not hold."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _run_config(config, row, column, seed):
    run_kind = run_kinds.of(config)
    run = config[run_kind.section].copy_and_resolve_references()
    method = row.set.get(run_kind.method, run[run_kind.method])
    tuned = [column.tuned.get(m, {}) for m in config_names.parts(method)]
    changes = {
        "data.manual_dir": config.manual_dir,
        **column.set,
        **{key: value for of in tuned for key, value in of.items()},
        **row.set,
        "seed": seed,
    }
    run.lock()
    for section in run_kind.open_sections:
        run[section].unlock()
    try:
        run.update_from_flattened_dict(changes)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"Row {row.name!r} and column {column.name!r} must set keys "
            f"of the config's section `{run_kind.section}`. Received: {error}"
        ) from error
    if run.data.get("pooled"):  # every seed draws its own images
        run.data.seed = seed
    run.unlock()
    return run
