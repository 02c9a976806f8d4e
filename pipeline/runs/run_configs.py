"""The config that a run left in its folder: read again, and compared."""

import ml_collections

from pipeline.runs import config_values
from pipeline.runs import earlier_configs
from pipeline.runs import run_records

CHOSEN = "chosen.json"
# Keys that say where something lies, and decide nothing.
PLACES = ("data.cache_gib", "data.manual_dir", "data.memory_gib")


def read(folder, run_kind, key):
    """Returns the unlocked config of a run, with what the data decided.

    Args:
        folder: Path of a run's folder on this machine.
        run_kind: Str, of the runs that may lie there, for the errors.
        key: Str, which the configs of this run kind have and no others.

    Raises: FileNotFoundError, if there is none; ValueError, if it is damaged or
        that of another run kind.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"Folder {folder} must be the workdir of a {run_kind} that has "
            "begun. Received: a folder without config.json"
        )
    stored = earlier_configs.upgraded(run_records.read_object(file))
    if key not in stored:
        raise ValueError(
            f"Folder {folder} must be the workdir of a {run_kind}. "
            "Received: that of another kind of run"
        )
    stored |= read_choices(folder)
    try:
        config_values.check(stored)
    except ValueError as error:
        raise ValueError(f"File {file}: {error}") from error
    return ml_collections.ConfigDict(stored)


def read_choices(folder):
    """Returns what the data decided of a run's config, {} for nothing.

    Args:
        folder: Path of a run's folder on this machine.

    Raises: ValueError, if the file is damaged.
    """
    file = folder / CHOSEN
    return run_records.read_object(file) if file.exists() else {}


def check_same(path, old, new, ignored=()):
    """Raises ValueError, naming the first difference, for another config.

    Args:
        path: Path-like or URI of the run's folder, for the error.
        old, new, ignored: As `first_difference` takes them.
    """
    difference = first_difference(old, new, ignored)
    if difference:
        key, was, now = difference
        raise ValueError(
            f"Folder {path} holds a run with {key}={was!r}. Give this run a "
            "`workdir` of its own, or the same config to resume. "
            f"Received: {key}={now!r}"
        )


def first_difference(old, new, ignored=()):
    """Returns the first key in which two configs differ, or None.

    Args:
        old: JSON-compatible dict, nested or not; so is `new`.
        ignored: Keys that may differ, as `PLACES` may always.

    Returns: "data.source" and the two values; "nothing" for a missing one.
    """
    old, new = config_values.flat(old), config_values.flat(new)
    keys = (old.keys() | new.keys()).difference(PLACES, ignored)
    for key in sorted(keys):
        was, now = old.get(key, "nothing"), new.get(key, "nothing")
        if was != now:
            return key, was, now
    return None
