r"""Runs a table or figure of the paper: its missing cells, then its output.

    python -m tools.reproduce --config=configs/experiments/table1.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

The argument behind the colon is smoke (seconds, bundled data), cpu (a night
on two cores) or paper (the full protocol). The same command resumes; several
experiments may share a workdir and then share their cells. Writes NAME.md and
NAME.csv into the workdir, each run's metrics into NAME_runs.csv, and for a
figure NAME.png, NAME.svg and NAME.json.
"""

import json
import sys

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline.experiments import runner

    summary = runner.reproduce(_FLAGS.config, _FLAGS.workdir, _FLAGS.data_dir)
    print(json.dumps(summary, indent=2))
    if summary["failures"]:
        sys.exit(1)


if __name__ == "__main__":
    binary.run(main)
