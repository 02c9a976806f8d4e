"""How many damaged files of each kind the tests read."""

from tests.hostile import child
from tests.hostile import mutations

COUNTS = {
    "archive": 120,
    "checkpoint": 120,
    "classifier": 28,
    "compressed npz": 60,
    "image folder": 60,
    "jpeg": 60,
    "mini_imagenet": 60,
    "network": 60,
    "npz": 90,
    "phi": 120,
    "picture": 60,  # of each of six formats
    "request": 100,
    "run": 120,
    "shards": 90,
    "tar": 60,
    "torch legacy": 90,
    "torch zip": 90,
}


def damage(good, kind, seed=0, times=1):
    """Returns `times` as many `Case`s of a kind as `COUNTS` says.

    They are spread over the files of the folder `good`.
    """
    names = sorted(
        file.relative_to(good).as_posix()
        for file in good.rglob("*")
        if file.is_file()
    )
    count = COUNTS[kind] * times
    cases = []
    for index, name in enumerate(names):
        share = count * (index + 1) // len(names) - len(cases)
        content = (good / name).read_bytes()
        cases += [
            child.Case(label, name, damaged)
            for label, damaged in mutations.mutate(content, share, seed)
        ]
    return cases
