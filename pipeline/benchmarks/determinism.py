"""The cost of determinism: the same seed gives the same φ.

    repeat `rounds` times, the variants in turn, each in a fresh process:
        a few meta-training steps on fixed batches
        -> median time of a step, digest of φ

Variants: "fixed" as every training of ours runs (runtime.py), Grappler's
arithmetic rewrites off; "rewritten" with them, TensorFlow's default; "ops" as
fixed, with TensorFlow's deterministic operations, which a GPU needs. The trap:
rewrites differ between processes, not within one, so that two digests of one
process would always agree.
"""

import hashlib
import statistics

from pipeline.benchmarks import processes

FIXED, REWRITTEN, OPS = "fixed", "rewritten", "ops"


def measure_all(
    network="resnet20",
    image_size=32,
    batch_size=128,
    tasks=2,
    steps=10,
    rounds=3,
    variants=(FIXED, REWRITTEN, OPS),
):
    """Returns step times and digests of each variant.

    Args:
        network: Str, a name of pipeline/trainings/networks.py.
        image_size: Int, pixels.
        batch_size: Int, examples of a training or a held-out batch.
        tasks: Int, tasks of a step.
        steps: Int >= 1, steps whose time is taken in a process.
        rounds: Int >= 1, processes of a variant.
        variants: The variants, in their order within a round.

    Returns: dict from variant to a dict: `step_ms`, the median over the
        processes; `spread_ms`, the smallest and the largest; `ratio` to the
        first variant; `digests`, the number of different φ's, 1 where all
        processes agree.
    Raises: ChildProcessError, if a process fails; has its last line.
    """
    case = {
        "network": network,
        "image_size": image_size,
        "batch_size": batch_size,
        "tasks": tasks,
        "steps": steps,
    }
    found = {variant: [] for variant in variants}
    for _ in range(rounds):
        for variant in variants:
            found[variant].append(
                processes.run(__name__, {**case, "variant": variant})
            )
    measured = {}
    for variant, runs in found.items():
        times = [run["step_ms"] for run in runs]
        measured[variant] = {
            "step_ms": statistics.median(times),
            "spread_ms": [min(times), max(times)],
            "digests": len({run["digest"] for run in runs}),
        }
    first = measured[variants[0]]["step_ms"]
    for each in measured.values():
        each["ratio"] = each["step_ms"] / first
    return measured


def measure(variant, network, image_size, batch_size, tasks, steps):
    """Returns this process' `step_ms`, a median, and `digest` of φ.

    Args: as `measure_all`, and the variant.
    """
    import tensorflow as tf

    from pipeline.benchmarks import scaling
    from pipeline.runs import runtime

    runtime.configure(0)
    if variant == REWRITTEN:
        tf.config.optimizer.set_experimental_options(
            {"arithmetic_optimization": True}
        )
    if variant == OPS:
        tf.config.experimental.enable_op_determinism()
    case = scaling.Case(network, batch_size, tasks, 1, steps, image_size)
    trainer = scaling.make_trainer(case)
    batch = scaling.make_batch(case, tasks)
    step_ms, _ = scaling.time_steps(trainer, batch, case)
    phi = b"".join(
        array.tobytes() for array in trainer.perturbation.values().values()
    )
    digest = hashlib.sha256(phi).hexdigest()
    return {"step_ms": step_ms, "digest": digest}
