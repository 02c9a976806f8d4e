"""What the terminal shows of the engine's lines, copied from its log."""

import io
import threading

import pytest

from pipeline.kubeflow import console

CYAN, RED, RESET = "\x1b[96m", "\x1b[91m", "\x1b[0m"
STARTED = f"09:01:20.104 - INFO - Executing task {CYAN}'example-gen-2'{RESET}"
REUSED = (
    "INFO - Task target-trainer cache hit (key=f4207d35d42c); "
    "skipping execution."
)
FAILED = (
    f"09:02:49.357 - ERROR - Task {CYAN}'evaluator'{RESET} finished with "
    f"status {RED}FAILURE{RESET}"
)
PROGRESS = (
    "    meta-training:  50%|███████▌       | 2/4 [00:08<00:08,  4.16s/step, "
    "loss 1.389]"
)
ERROR = "            ValueError: minvalue must be less than maxvalue"
QUIET = (
    "09:01:20.101 - INFO - Running pipeline: 'mp-keras-demo'",
    "09:01:20.104 - INFO - Streamed logs:",
    "    [KFP Executor 2026-11-21 09:01:20,175 INFO]: Looking for component "
    "`example_gen` in --component_module_path `ephemeral_component.py`",
    '                "source": "npz:t.npz",',
    "09:01:27.060 - INFO - Task 'example-gen-2' finished with status "
    "\x1b[92mSUCCESS\x1b[0m",
    "              Traceback (most recent call last):",
    '                raise ValueError("minvalue must be less")',
    "INFO - After expression selector: meta_perturb",
    "    WARNING: All log messages before absl::InitializeLog() is called",
    "-" * 80,
    "",
)


class DescribeTest:
    @pytest.mark.parametrize(
        ("line", "shown"),
        [
            (STARTED, "[example-gen-2]"),
            (REUSED, "    target-trainer: done before, reused"),
            (FAILED, "    evaluator failed"),
            (PROGRESS, PROGRESS),
            ("        " + PROGRESS, PROGRESS),
            (ERROR, "    ValueError: minvalue must be less than maxvalue"),
            (
                "tensorflow.python.errors_impl.OpError: no",
                "    tensorflow.python.errors_impl.OpError: no",
            ),
        ],
    )
    def test_telling_lines(self, line, shown):
        assert console.describe(line) == shown

    @pytest.mark.parametrize("line", QUIET)
    def test_other_lines_are_not_shown(self, line):
        assert console.describe(line) is None


class ConsoleTest:
    def test_log_holds_every_line_without_colours(self):
        log, terminal = io.StringIO(), io.StringIO()
        stream = console.Console(log, terminal)
        text = "\n".join([STARTED, *QUIET, PROGRESS, FAILED, ""])
        print(text, end="", file=stream)
        assert "\x1b" not in log.getvalue()
        assert log.getvalue().count("\n") == text.count("\n")
        assert "Executing task 'example-gen-2'\n" in log.getvalue()
        assert terminal.getvalue().splitlines() == [
            "[example-gen-2]",
            PROGRESS,
            "    evaluator failed",
        ]

    def test_line_in_pieces(self):
        """The engine writes indentation, text and line end by themselves."""
        terminal = io.StringIO()
        stream = console.Console(io.StringIO(), terminal)
        for piece in ("    ", PROGRESS[:20], PROGRESS[20:]):
            assert stream.write(piece) == len(piece)
        assert terminal.getvalue() == ""
        stream.write("\n")
        assert terminal.getvalue() == PROGRESS + "\n"

    def test_counts_the_stages_that_ran(self):
        stream = console.Console(io.StringIO(), io.StringIO())
        assert stream.stages_run == 0
        stream.write("\n".join([STARTED, REUSED, *QUIET, STARTED, ""]))
        assert stream.stages_run == 2

    def test_keeps_the_last_error(self):
        stream = console.Console(io.StringIO(), io.StringIO())
        assert stream.error is None
        stream.write(f"KeyError: 'x'\n{ERROR}\n{FAILED}\n")
        assert stream.error == ERROR.strip()

    def test_two_stages_at_a_time(self):
        log, terminal = io.StringIO(), io.StringIO()
        stream = console.Console(log, terminal)
        threads = [
            threading.Thread(
                target=lambda: [stream.write(STARTED + "\n") for _ in range(99)]
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert stream.stages_run == 4 * 99
        assert set(log.getvalue().splitlines()) == {
            "09:01:20.104 - INFO - Executing task 'example-gen-2'"
        }


class FailedStageTest:
    def test_innermost_of_the_chain(self):
        message = (
            f"Pipeline \x1b[95m'demo'{RESET} finished with status {RED}"
            f"FAILURE{RESET}. Inner task failed: {CYAN}'target-trainer'{RESET}"
            f" inside {CYAN}'for-loop-1'{RESET}."
        )
        assert console.failed_stage(message) == "target-trainer"

    def test_another_error(self):
        assert console.failed_stage("no runner is configured") is None
