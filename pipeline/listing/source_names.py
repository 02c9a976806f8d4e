"""What `data.source` may say, and what to write instead where it is wrong."""

import pathlib

KINDS = ("paper", "subset", "tfds", "folder", "zip", "csv", "npz", "tfrecord")
LISTED = ("folder", "zip", "csv")  # those that `layouts.list_source` reads
BENCHMARKS = ("omniglot", "omniglot_small", "mini_imagenet")  # few_shot:NAME
# What parts of a data set are called, in lower case -> what they are.
PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
_BY_SUFFIX = {
    ".zip": "zip",
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".npz": "npz",
}
_EXPECTED = (
    "paper:NAME, subset:NAME, tfds:NAME, folder:PATH, zip:FILE, csv:FILE, "
    "npz:PATH or tfrecord:PATH"
)


def parse(source, few_shot=False):
    """Returns the kind of a source and its name or place.

    Args:
        source: Str, as `data.source` of a config.
        few_shot: Bool, default False: whether few_shot:NAME is one as well.

    Raises: ValueError, which says what to write where it can be guessed.
    """
    kind, _, place = str(source).partition(":")
    if kind in KINDS and place:
        return kind, place
    if few_shot and kind == "few_shot" and place in BENCHMARKS:
        return kind, place
    benchmarks = f"few_shot: and one of {', '.join(BENCHMARKS)}; "
    raise ValueError(
        f"`source` must be {benchmarks if few_shot else ''}{_EXPECTED}."
        f"{hint(source)} Received: source={source!r}"
    )


def hint(place):
    """Returns " Did you mean ...?" for what lies there, or "".

    Args:
        place: Str, path or URI, with or without a kind before it.
    """
    text = str(place)
    for start in (*KINDS, ""):
        bare = text.removeprefix(f"{start}:" if start else "")
        if bare != text or not start:
            break
    path = pathlib.Path(bare).expanduser()
    kind = _BY_SUFFIX.get(path.suffix.lower(), "")
    try:
        found = path.exists()
        if path.is_dir():
            kind = "folder"
    except (OSError, ValueError):  # no path at all
        found = False
    if not found and "://" in text:
        kind, found = kind or "folder", True
    if not bare or not found or not kind:
        return ""
    return f" Did you mean {kind}:{bare}?"
