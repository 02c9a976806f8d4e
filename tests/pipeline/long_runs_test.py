"""2,000 steps of tiny trainings: neither memory nor step time may grow."""

import os
import statistics
import time

import pytest

from pipeline.runs import run_log
from pipeline.trainings import meta_training
from pipeline.trainings import target_training
from tests.pipeline import smoke

STEPS = 2000
WARM_UP = 400  # steps until every buffer, graph and thread is there
PART = 300  # steps whose times are compared
GROWTH_MIB = 24  # a leak of a gradient a step, 64 KB here, would be 100


def memory_mib():
    """Returns what of this process lies in memory."""
    with open("/proc/self/statm", encoding="utf-8") as file:
        pages = int(file.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture
def watched(monkeypatch):
    """Notes, after each step, the time and the memory in use."""
    noted = []
    end = run_log.RunLog.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        # Of this process alone, whatever else the machine does.
        noted.append((time.process_time(), memory_mib()))
        end(self, batch, logs)

    monkeypatch.setattr(
        run_log.RunLog, "on_train_batch_end", on_train_batch_end
    )
    return noted


def assert_steady(noted):
    times, memory = zip(*noted[WARM_UP:])
    steps = [after - before for before, after in zip(times, times[1:])]
    first, last = (
        statistics.median(part) for part in (steps[:PART], steps[-PART:])
    )
    assert len(noted) == STEPS
    assert last < 1.5 * first
    assert memory[-1] - memory[0] < GROWTH_MIB


@pytest.mark.long
class LongRunTest:
    CONFIG = {
        "steps": STEPS,
        "batch_size": 4,
        "log_every": 100,
        "checkpoint_every": 500,
    }

    def test_meta_training_stays_as_it_is(self, source, tmp_path, watched):
        config = smoke.meta_config(
            source, network_options__channels=2, **self.CONFIG
        )
        meta_training.meta_train(config, tmp_path)
        assert_steady(watched)

    def test_target_training_stays_as_it_is(self, source, tmp_path, watched):
        config = smoke.target_config(
            source, method="base", export=False, **self.CONFIG
        )
        target_training.train_target(config, tmp_path)
        assert_steady(watched)
