"""An experiment of seconds, on a small npz source."""

import mp_keras
from configs.experiments import base
from tests import small_networks


def make_config(source, rows, **changes):
    """Returns an experiment's smoke config on one column.

    Args:
        source: Str, name of a source.
        rows: Rows, as `configs.experiments.base.row` makes them.
        **changes: Values by key.
    """
    config = base.make_config("tiny", "A tiny experiment", "smoke")
    config.rows = tuple(rows)
    config.columns = (base.column("Squares", data__source=source),)
    config.source_classifier.data.source = source
    for phi in config.phis.values():
        phi.data.source = source
    config.update(changes)
    return config


def save_phi(folder):
    """Writes a φ and returns its path as text."""
    mp_keras.save_perturbation(small_networks.random_phi(), folder / "phi")
    return str(folder / "phi")
