"""Kills a run at each of its file operations, and at random moments.

    unbroken run: the names of all its operations
    rounds: one folder each; every attempt dies at the first operation that
        has not killed one yet, until an attempt ends; again until all have
    random rounds: attempts die after a random time, or so long after they
        began to write a checkpoint, which TensorFlow does in C++

After each kill whatever has its final name must load; after each round the
result must be that of the unbroken run.
"""

import dataclasses
import math
import os
import random
import time

from tests.crash import artifacts

_RENAMES = ("rename", "replace")
_WRITING_S = 0.1  # what it takes to write a small checkpoint, and more


@dataclasses.dataclass
class Report:
    """What was done to a run.

    Attributes: `operations`, distinct ones of the unbroken run; `kills`, at
        one of them; `random_kills`; `rounds`; `seed`; `missed`, operations
        that could not be reached again.
    """

    operations: int
    seed: int
    kills: int = 0
    random_kills: int = 0
    rounds: int = 0
    missed: tuple = ()


class Killing:
    """Kills a run again and again.

    Args:
        attempts: `Attempts`.
        folder: Path, for the folders of the run.
        assert_same: Function of the paths of two finished runs.
        whole: Function of a run's path that checks it after each kill.
    """

    def __init__(
        self, attempts, folder, assert_same, whole=artifacts.assert_whole
    ):
        self._attempts = attempts
        self._folder = folder
        self._assert_same = assert_same
        self._whole = whole
        seed = os.environ.get("CRASH_SEED", time.time_ns() % 10**6)
        self._random = random.Random(int(seed))
        self._random_kills = 0
        self.unbroken = folder / "unbroken"
        began = time.monotonic()
        assert not attempts.run(self.unbroken)
        self._seconds = time.monotonic() - began
        names = list(dict.fromkeys(attempts.operations()))
        self._remaining = names
        self.report = Report(operations=len(names), seed=int(seed))
        print(f"CRASH_SEED={seed}: {len(names)} operations")

    def only(self, condition):
        """Leaves out the operations whose names do not fulfil a condition."""
        self._remaining = list(filter(condition, self._remaining))

    def at_operations(self, most=1000):
        """Kills at every operation, or at so many, half of them renames."""
        if len(self._remaining) > most:
            chosen = self._choice(most)
            self._remaining = [n for n in self._remaining if n in chosen]
        before = -1
        while self._remaining and self.report.kills > before:
            before = self.report.kills
            self._round(self._until_operation)
        self.report.missed = tuple(self._remaining)

    def at_random(self, kills, longest_s=math.inf):
        """Kills so many times more, at random moments.

        Args:
            kills: Int.
            longest_s: Float, the longest life of an attempt; by default that
                of an unbroken run.
        """
        self._seconds = min(self._seconds, longest_s)
        self._random_kills = kills
        while self.report.random_kills < kills:
            self._round(self._until_moment)

    def _choice(self, count):
        renames = [n for n in self._remaining if n.startswith(_RENAMES)]
        renames = self._random.sample(renames, min(len(renames), count // 2))
        others = [n for n in self._remaining if n not in renames]
        others = self._random.sample(others, count - len(renames))
        return {*renames, *others}

    def _round(self, attempt):
        self.report.rounds += 1
        root = self._folder / f"round{self.report.rounds}"
        while attempt(root):
            self._whole(root)
        self._assert_same(root, self.unbroken)

    def _until_operation(self, root):
        remaining = set(self._remaining)
        killed = self._attempts.run(root, frozenset(remaining))
        if killed:
            done = self._attempts.operations()
            self._remaining.remove(next(n for n in done if n in remaining))
            self.report.kills += 1
        return killed

    def _until_moment(self, root):
        if self.report.random_kills == self._random_kills:
            return self._attempts.run(root)
        moment = self._random.random()
        if self._random.random() < 0.5:
            killed = self._attempts.run_for(root, moment * self._seconds)
        else:
            killed = self._attempts.run_until_wrote(root, moment * _WRITING_S)
        self.report.random_kills += killed
        return killed
