"""The cells of an experiment: one target training for row, column and seed."""

import dataclasses
import hashlib
import json
import pathlib
import re

import ml_collections


@dataclasses.dataclass(frozen=True)
class Cell:
    """One target training of an experiment.

    Attributes:
        row: Dict of the config's rows: `name`; `set`, values by target config
            key; `phi`, name of one of `config.phis`, of `config.phi_paths`
            or of a φ that ships, or ""; `fine_tuned`, bool; `paper`, the
            row's name in the paper's tables; `style`, see
            pipeline/figures/method_styles.py.
        column: Dict of the config's columns: `name`, `set`, `paper` as above;
            `tuned`, {method: values by key} chosen on validation data;
            `seeds` and `rows` (names), or None for all.
        seed: Int.
        config: Target config without φ and source, which are made first.
    """

    row: dict
    column: dict
    seed: int
    config: ml_collections.ConfigDict

    @property
    def title(self):
        return f"{self.row['name']}, {self.column['name']}, seed {self.seed}"

    def folder(self, workdir, sources):
        """Returns the cell's folder: readable, and unique to its config.

        Args:
            workdir: Path-like of the experiment.
            sources: JSON-compatible: what φ and fine-tuning start from.
        """
        digest = content_digest([self.config.to_dict(), sources])
        name = f"{slug(self.row['name'])}-{slug(self.column['name'])}"
        name = f"{name}-seed{self.seed}-{digest}"
        return pathlib.Path(workdir) / "cells" / name


def expand(config):
    """Returns the cells of an experiment's config, in its order.

    Rows whose φ is one of `phi_paths` are left out where the path is "".

    Raises: ValueError, if `only_rows` or `only_columns` names none of the
        config's, or a row or column sets a key that a target config lacks.
    """
    rows = [
        row
        for row in _chosen(config.rows, config.only_rows, "only_rows")
        if config.phi_paths.get(row["phi"], "given")
    ]
    columns = _chosen(config.columns, config.only_columns, "only_columns")
    return [
        Cell(row, column, seed, _target_config(config, row, column, seed))
        for column in columns
        for row in rows
        if column["rows"] is None or row["name"] in column["rows"]
        for seed in (column["seeds"] or config.seeds)
        if not config.only_seeds or seed in config.only_seeds
    ]


def content_digest(value):
    """Returns 10 letters that stand for a JSON-compatible value."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def slug(name):
    """Returns a name in lower case, with nothing that a path may not hold."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _chosen(entries, names, key):
    known = [entry["name"] for entry in entries]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"Config key `{key}` must hold any of {known}. Received: {unknown}"
        )
    return [e for e in entries if not names or e["name"] in names]


def _target_config(config, row, column, seed):
    target = config.target.copy_and_resolve_references()
    method = row["set"].get("method", target.method)
    changes = {
        "data.manual_dir": config.manual_dir,
        **column["set"],
        **row["set"],
        **column["tuned"].get(method, {}),
        "seed": seed,
    }
    target.lock()
    target.network_options.unlock()  # what a network takes, it knows itself
    try:
        target.update_from_flattened_dict(changes)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(
            f"Row {row['name']!r} and column {column['name']!r} must set keys "
            f"of a target config. Received: {error}"
        ) from error
    target.unlock()
    return target
