"""`python -m tools.few_shot`: trains, is killed and resumed, evaluates."""

import json

import pytest

from tests import patterns
from tests.tools import processes

_CONFIG = "--config=configs/few_shot/glyphs.py:2way_1shot,smoke"


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    """The command line of a few-shot training, without its folder."""
    folder = tmp_path_factory.mktemp("source")
    source = patterns.write_npz(folder / "patterns.npz")
    return (
        "few_shot",
        _CONFIG,
        f"--config.data.source={source}",
        "--config.steps=16",
        "--config.checkpoint_every=4",
        "--config.validation_episodes=0",
        "--config.export=False",
        "--config.inner_steps=1",
    )


@pytest.fixture(scope="module")
def run(arguments, tmp_path_factory):
    """The folder of an unbroken run."""
    workdir = tmp_path_factory.mktemp("run")
    processes.succeed(*arguments, f"--workdir={workdir}")
    return workdir


class FewShotTest:
    @pytest.mark.long  # what kills do is tested in one process as well
    def test_killed_and_resumed_run_equals_the_unbroken_one(
        self, run, arguments, tmp_path
    ):
        processes.assert_killed_run_goes_on(arguments, tmp_path, run)

    def test_evaluates_on_other_episodes(self, run, arguments):
        output = processes.succeed(
            "few_shot",
            "--mode=evaluate",
            f"--workdir={run}",
            _CONFIG,
            arguments[2],
            "--config.test_episodes=3",
        )
        printed = json.loads(output)
        assert printed == json.loads((run / "evaluation.json").read_text())
        assert (printed["episodes"], printed["step"]) == (3, 16)


class MistakesTest:
    def test_training_needs_a_config(self, tmp_path):
        code, _, errors = processes.run("few_shot", f"--workdir={tmp_path}")
        assert code == 1
        last = errors.splitlines()[-1]
        assert last.startswith("Error: Flag --config must have a value")
