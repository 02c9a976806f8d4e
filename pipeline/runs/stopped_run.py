"""What a run notes when it stops on numbers that are not finite.

`stops.json` in its folder is a list with one entry per stop: the step, the
problem and the learning rate. After a stop the run may go on from its newest
checkpoint with another learning rate: the same one would lead to the same
step. The trap: the rate of a resumed run is that of its config, not the one
which the checkpoint holds.
"""

from mp_keras import files
from pipeline.runs import config_values
from pipeline.runs import run_records

# Keys of a config that may change after a stop.
CURES = (
    "learning_rate",
    "learning_rate_factor",
    "phi_learning_rate",
    "pretrained.rate",
)
_FILE = "stops.json"


def note(folder, step, problem, config):
    """Adds a stop to those of a run.

    Args:
        folder: Path of the run's folder.
        step: Int, the step that could not be done.
        problem: Str, what was not finite.
        config: JSON-compatible dict, the run's config.
    """
    entry = {"step": step, "problem": problem, **_rates(config)}
    files.write_json(folder / _FILE, [*stops(folder), entry])


def stops(folder):
    """Returns the stops of the run in a folder as a list, oldest first.

    Raises: ValueError, if the file is not such a list.
    """
    file = folder / _FILE
    return run_records.read_objects(file) if file.exists() else []


def changeable(folder, config):
    """Returns the keys of a run's config that may change now.

    Args:
        folder: Path of the run's folder.
        config: Dict, the config that lies there.

    Returns: `CURES` after a stop, until one has changed; else nothing.
    """
    noted = stops(folder)
    finished = (folder / "result.json").exists()
    if not noted or finished:
        return ()
    last = noted[-1]
    if "learning_rate" in last:  # φ's as well, in earlier versions
        last = {"phi_learning_rate": last["learning_rate"], **last}
    rates = _rates(config)
    if "pretrained.rate" not in last:  # from before there was one
        rates.pop("pretrained.rate", None)
    last = {key: last[key] for key in rates if key in last}
    return CURES if last == rates else ()


def _rates(config):
    values = config_values.flat(config)
    return {key: values[key] for key in CURES if key in values}
