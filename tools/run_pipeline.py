r"""Runs the whole pipeline on this machine and prints what φ brought.

    python -m tools.run_pipeline --config=configs/pipeline/demo.py \
        --workdir=demo

ExampleGen -> MetaTrainer -> PhiExporter -> TargetTrainer (method x seed) ->
Evaluator -> Pusher. The same command again reuses every finished step. Leaves
`report.html`, `evaluation.json` and `serving/` in the workdir.
"""

import pathlib

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline import local_run
    from pipeline.report import statistics

    result = local_run.run_pipeline(
        _FLAGS.config, _FLAGS.workdir, _FLAGS.data_dir
    )
    lines = [
        "",
        statistics.text_table(result["summary"], result["gains"]),
        "",
        statistics.verdict(result["gains"]),
        f"Report with plots: {pathlib.Path(_FLAGS.workdir).resolve()}"
        "/report.html",
    ]
    print("\n".join(lines))


if __name__ == "__main__":
    binary.run(main)
