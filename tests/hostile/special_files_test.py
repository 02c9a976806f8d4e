"""Devices and pipes in the places of files: neither read nor waited for."""

import itertools

import pytest

from tests.hostile import child

READERS = {
    "checkpoints": "checkpoint",
    "classifier": "classifier",
    "images": "images",
    "mini_imagenet": "mini_imagenet",
    "network": "network",
    "npz": "npz",
    "phi": "phi",
    "picture": "picture",
    "run": "run",
    "shards": "shards",
    "tar": "tar",
    "torch_phi": "torch_phi",
    "zip": "archive",
}
ARGUMENTS = {"picture": ("PNG",), "npz": (False,), "torch_phi": (False,)}


class SpecialFilesTest:
    @pytest.mark.parametrize("name", READERS)
    def test_are_refused_by_name(self, prepare, work, name):
        good = prepare(name, *ARGUMENTS.get(name, ()))
        files = [
            file.relative_to(good).as_posix()
            for file in sorted(good.rglob("*"))
            if file.is_file()
        ]
        contents = itertools.cycle(["/dev/zero", child.PIPE])
        cases = [child.Case(c, file, c) for file, c in zip(files, contents)]
        counts = child.check(READERS[name], good, cases, work)
        # What is not read, as an index of shards, makes no difference.
        assert counts["refused"] >= len(cases) / 2
        assert not counts["other"]
