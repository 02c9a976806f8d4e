r"""Runs the whole pipeline on this machine and prints what φ brought.

    python -m tools.run_pipeline --config=configs/pipeline/demo.py \
        --workdir=demo
    python -m tools.run_pipeline --config=configs/pipeline/sweep.py \
        --workdir=gs://bucket/sweep --compile=sweep.yaml --image=NAME:TAG

ExampleGen -> MetaTrainer -> PhiExporter -> for each target: ExampleGen -> Tuner
-> TargetTrainer (method x seed) -> Evaluator -> Pusher; then Reporter. The same
command again reuses every finished step. Leaves `report.html`,
`evaluation.json`, `results.csv` and `serving/` in the workdir. With --compile
nothing runs: the pipeline is written for a Kubeflow cluster.
"""

import pathlib

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)
_COMPILE = flags.DEFINE_string(
    "compile", None, "YAML file to write instead of running the pipeline."
)
_IMAGE = flags.DEFINE_string(
    "image",
    None,
    "Container image of a compiled pipeline, NAME:TAG; see Dockerfile.",
)


def main():
    if _COMPILE.value is None:
        if _IMAGE.value is not None:
            raise ValueError(
                "Flag --image must come with --compile. Received: no --compile"
            )
        _run()
    else:
        _compile()


def _run():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline import intervals
    from pipeline.kubeflow import local_run

    evaluations = local_run.run_pipeline(
        _FLAGS.config, _FLAGS.workdir, _FLAGS.data_dir
    )
    for label, result in evaluations.items():
        print()
        if len(evaluations) > 1:
            print(label)
        print(intervals.text_table(result["summary"], result["gains"]))
        print()
        print(intervals.verdict(result["gains"]))
        sentence = intervals.choice_sentence(result["choice"])
        if sentence:
            print(f"{sentence} This is what was pushed.")
    page = pathlib.Path(_FLAGS.workdir).resolve() / "report.html"
    print(f"Report with plots: {page}")


def _compile():
    from pipeline.kubeflow import cluster_compile
    from pipeline.kubeflow import components

    image = _IMAGE.value or components.IMAGE
    cluster_compile.compile_pipeline(
        _FLAGS.config, _FLAGS.workdir, _COMPILE.value, image, _FLAGS.data_dir
    )
    print(f"Compiled for image {image}: {_COMPILE.value}")


if __name__ == "__main__":
    binary.run(main)
