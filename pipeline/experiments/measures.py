"""What figures need of a trained cell, measured once.

Every measure is a JSON file in the cell's folder, made if it is missing. What
there is to measure depends on the run kind: target_measures.py,
few_shot_measures.py.
"""

from mp_keras import files
from pipeline.experiments import cells
from pipeline.experiments import run_kinds


def measure(config, column, run_config, folder, data_dir, read):
    """Makes the measures of one finished cell that are missing.

    Args:
        config: Config of `configs/experiments/`, with `measure_names` and
            a section of settings for each in `measures`.
        column: `Column` of the cell.
        run_config: The cell's own config, with its prerequisites.
        folder: Path of the cell's finished run.
        data_dir: Where TFDS keeps prepared data sets, or None.
        read: Function that reads the data, as `RunKind` has one.
    """
    run_kind = run_kinds.of(config)
    for name in config.measure_names:
        settings = _settings(name, config, column)
        file = _file(name, settings, folder)
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            run = run_kind.open_run(run_config, folder, data_dir, read)
            files.write_json(file, run_kind.measures[name](run, **settings))


def existing(config, column, folder):
    """Returns {name: measure} of a cell, or None where one is missing.

    Args:
        config: Config of `configs/experiments/`.
        column: `Column` of the cell.
        folder: Path of the cell's run.
    """
    found = {
        name: _file(name, _settings(name, config, column), folder)
        for name in config.measure_names
    }
    if not all(file.exists() for file in found.values()):
        return None
    return {name: files.read_json(file) for name, file in found.items()}


def check_measures(config):
    """Raises ValueError, with the valid ones, for an unknown measure."""
    known = run_kinds.of(config).measures
    unknown = [name for name in config.measure_names if name not in known]
    if unknown:
        raise ValueError(
            f"Config key `measure_names` must hold any of {sorted(known)}. "
            f"Received: {unknown}"
        )


def _settings(name, config, column):
    settings = config.measures.get(name)
    common = settings.to_dict() if settings else {}
    return {**common, **column.measures.get(name, {})}


def _file(name, settings, folder):
    digest = cells.content_digest(settings)
    return folder / "measures" / f"{name}-{digest}.json"
