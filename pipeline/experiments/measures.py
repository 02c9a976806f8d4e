"""What figures need of a trained cell, measured once.

Every measure is a JSON file in the cell's folder, made if it is missing. What
there is to measure depends on the kind of run: target_measures.py,
few_shot_measures.py.
"""

from mp_keras import files
from pipeline.experiments import cells
from pipeline.experiments import run_kinds


def measure(config, column, run_config, folder, data_dir=None):
    """Makes the measures of one finished cell that are missing.

    Args:
        config: Config of `configs/experiments/`, with `kinds` and a section
            of settings for each in `measures`.
        column: `Column` of the cell.
        run_config: The cell's own config, with its sources.
        folder: Path of the cell's finished run.
        data_dir: Where TFDS keeps prepared data sets, or None.
    """
    run_kind = run_kinds.of(config)
    for kind in config.kinds:
        settings = _settings(kind, config, column)
        file = _file(kind, settings, folder)
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            run = run_kind.open_run(run_config, folder, data_dir)
            files.write_json(file, run_kind.measures[kind](run, **settings))


def existing(config, column, folder):
    """Returns {kind: measure} of a cell, or None where one is missing.

    Args:
        config: Config of `configs/experiments/`.
        column: `Column` of the cell.
        folder: Path of the cell's run.
    """
    found = {
        kind: _file(kind, _settings(kind, config, column), folder)
        for kind in config.kinds
    }
    if not all(file.exists() for file in found.values()):
        return None
    return {kind: files.read_json(file) for kind, file in found.items()}


def check_kinds(config):
    """Raises ValueError, with the valid ones, for an unknown kind."""
    known = run_kinds.of(config).measures
    unknown = [kind for kind in config.kinds if kind not in known]
    if unknown:
        raise ValueError(
            f"Config key `kinds` must hold any of {sorted(known)}. "
            f"Received: {unknown}"
        )


def _settings(kind, config, column):
    settings = config.measures.get(kind)
    common = settings.to_dict() if settings else {}
    return {**common, **column.measures.get(kind, {})}


def _file(kind, settings, folder):
    digest = cells.content_digest(settings)
    return folder / "measures" / f"{kind}-{digest}.json"
