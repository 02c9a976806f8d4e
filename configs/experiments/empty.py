"""What the experiments of both papers share: the keys, and the profiles."""

import ml_collections

PROFILES = ("smoke", "cpu", "paper")


def make_config(name, title, profile, task, paper):
    """Returns a config without rows, columns and what they start from.

    Args:
        name: Str, name of the outputs.
        title: Str, first line of the table.
        profile: Str, one of `PROFILES`; empty means "cpu".
        task: Str, run kind, see pipeline/experiments/run_kinds.py.
        paper: Str, whose figures stand beside ours.

    Raises: ValueError, if the profile is unknown.
    """
    profile = checked_profile(profile)
    config = ml_collections.ConfigDict()
    config.name = name
    config.title = title
    config.profile = profile
    config.task = task  # what a cell is, see experiments/run_kinds.py
    config.measure_names = ()  # figures, see pipeline/experiments/measures.py
    config.measures = ml_collections.ConfigDict()  # settings of each measure
    config.metric = "accuracy"  # the one that the paper's table gives
    config.paper = paper
    config.paper_table = ""  # in pipeline/experiments/paper_tables.csv
    config.quoted_rows = ()  # names there of what we do not run
    config.contrasts = ()  # pairs of row names, compared image by image
    config.manual_dir = ""  # where data lie that cannot be downloaded
    config.seeds = (0,)
    config.only_rows = ()  # names; none: all
    config.only_columns = ()
    config.only_seeds = ()

    config.rows = ()
    config.columns = ()
    config.phis = ml_collections.ConfigDict()  # what rows may start from
    config.phi_paths = ml_collections.ConfigDict()  # φ's of one's own
    return config


def checked_profile(profile, known=PROFILES):
    """Returns the profile's name, "cpu" for an empty one.

    Args:
        profile: Str.
        known: Tuple of str, the profiles that an experiment has.

    Raises: ValueError, if there is no such profile.
    """
    profile = profile or "cpu"
    if profile not in known:
        raise ValueError(
            f"The config's argument must be one of {known}. "
            f"Received: {profile!r}"
        )
    return profile
