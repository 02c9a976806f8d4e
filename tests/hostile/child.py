"""Reads damaged files in a process of its own, which may die of them.

    in one child, forked from a server that has only imported what it needs:
        for each case: copy the good folder, put in the damaged file, read
    a child that died is replaced, and goes on with the next case

A child may take 1 GiB of memory beyond what it starts with and 10 s a case. Of
each case it tells what came of it, and what was written outside of its folder.
"""

import collections
import dataclasses
import functools
import multiprocessing
import os
import pathlib
import resource
import shutil
import signal

from tests.hostile import readers

_MEMORY = 2**30
_SECONDS = 10
_LONGEST = 2000  # characters of a message
# What a document may promise besides ValueError.
_PROMISED = ("ValueError", "FileNotFoundError")
PIPE = "pipe"
EXECUTED = "executed"  # the file that code in a hostile file would make


@dataclasses.dataclass(frozen=True)
class Case:
    """One damaged file: `content` in the place of `file`, a name.

    A str stands for what is no file: PIPE, or the target of a link.
    """

    label: str
    file: str
    content: bytes | str

    def put(self, place):
        """Puts it into a folder of good files."""
        file = place / self.file
        if isinstance(self.content, bytes):
            file.write_bytes(self.content)
            return
        file.unlink()
        if self.content == PIPE:
            os.mkfifo(file)
        else:
            file.symlink_to(self.content)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of it: `kind` is "value", the name of an error, or a death."""

    kind: str
    value: object
    written: tuple = ()


def read(reader, good, cases, folder):
    """Reads all cases.

    Args:
        reader: Str, name of a function of `readers`.
        good: Path of a folder with good files.
        cases: List of `Case`.
        folder: Path of an empty folder to work in.

    Returns: list of `Outcome`, one per case.
    """
    outcomes = []
    while len(outcomes) < len(cases):
        left = cases[len(outcomes) :]
        ours, theirs = multiprocessing.Pipe()
        process = _server().Process(
            target=_read_all, args=(theirs, reader, good, left, folder)
        )
        process.start()
        theirs.close()
        try:
            for _ in left:
                outcomes.append(ours.recv())
        except EOFError:
            process.join()
            outcomes.append(Outcome(f"died of {process.exitcode}", None))
        process.join()
    return outcomes


def check(reader, good, cases, folder):
    """Reads all cases and fails unless each one ends well.

    A case ends well if its value is that of the good folder, or another valid
    one, or if there is one clear error: a ValueError, or a FileNotFoundError,
    that names a file of the folder and says what was there instead.

    Returns: `Counter` of "same", "other" and "refused".
    """
    whole = Case("whole", "", b"")
    whole, *outcomes = read(reader, good, [whole, *cases], folder)
    assert whole.kind == "value", whole
    counts, problems = collections.Counter(), []
    for case, outcome in zip(cases, outcomes, strict=True):
        if outcome.kind == "value" and not outcome.written:
            same = outcome.value == whole.value
            counts["same" if same else "other"] += 1
        elif is_clear(outcome, folder):
            counts["refused"] += 1
        else:
            problems.append(f"{case.label} of {case.file}: {outcome}")
    assert not problems, "\n".join(
        [f"{len(problems)} of {len(cases)}:"] + problems
    )
    return counts


def is_clear(outcome, folder):
    """Returns whether it is one error as users are promised them."""
    message = str(outcome.value)
    return (
        outcome.kind in _PROMISED
        and not outcome.written
        and str(folder) in message
        and "Received" in message
        and len(message) < _LONGEST
    )


@functools.cache
def _server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.hostile.readers"])
    return context


def _read_all(connection, reader, good, cases, folder):
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    read_one = getattr(readers, reader)
    folder = pathlib.Path(folder)
    readers.warm_up()
    soft = _data_bytes() + _MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (soft, soft))
    for case in cases:
        place = folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(good, place)
        if case.file:
            case.put(place)
        os.chdir(place)
        before = _listing(folder.parent, place)
        signal.alarm(_SECONDS)  # the default action ends the process
        outcome = _outcome(read_one, place)
        signal.alarm(0)
        written = _listing(folder.parent, place) ^ before
        connection.send(
            dataclasses.replace(outcome, written=tuple(sorted(written)))
        )
    connection.close()


def _outcome(read_one, place):
    try:
        return Outcome("value", read_one(place))
    except BaseException as error:
        return Outcome(type(error).__name__, str(error))


def _data_bytes():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmData in /proc/self/status")


def _listing(folder, place):
    """Returns what lies in a folder, with times, but not what is in `place`.

    Of that, only what code in a hostile file would make.
    """
    return {
        (str(path), path.lstat().st_mtime_ns if path.is_file() else 0)
        for path in folder.rglob("*")
        if place not in path.parents or path.name == EXECUTED
    }
