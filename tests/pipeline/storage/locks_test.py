"""Locks between processes, and processes that end with another one."""

import subprocess
import sys

import pytest

from pipeline.storage import locks

_HOLDER = """
import sys
from pipeline.storage import locks
with locks.held(sys.argv[1]) as is_ours:
    print(is_ours, flush=True)
    sys.stdin.read()
"""
_FOLLOWER = """
import sys, threading
from pipeline.storage import locks
locks.end_with_holder(sys.argv[1])
print("follows", flush=True)
threading.Event().wait()
"""


@pytest.fixture
def start():
    """Starts a program with an argument; returns it after its first line."""
    processes = []

    def start(program, argument):
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", program, str(argument)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        assert processes[-1].stdout.readline()
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


class HeldTest:
    def test_one_process_at_a_time_until_it_ends(self, start, tmp_path):
        lock = tmp_path / "locks" / "a"
        with locks.held(lock) as is_ours:
            assert is_ours
        holder = start(_HOLDER, lock)
        with locks.held(lock) as is_ours:
            assert not is_ours
        holder.kill()
        with locks.held(lock, wait=True) as is_ours:
            assert is_ours


class EndWithHolderTest:
    @pytest.mark.parametrize("way", ["kill", "terminate"])
    def test_ends_with_the_process_that_holds_it(self, start, tmp_path, way):
        holder = start(_HOLDER, tmp_path / "lock")
        follower = start(_FOLLOWER, tmp_path / "lock")
        with pytest.raises(subprocess.TimeoutExpired):
            follower.wait(timeout=0.3)
        getattr(holder, way)()
        assert follower.wait(timeout=60) == 1
