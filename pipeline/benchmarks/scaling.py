"""Measures one meta-training step: its time, memory and collectives.

The batches are the same random images at every step, made beforehand: what is
measured is the step of MetaPerturb's Algorithm 1 (section 3.3), not the input.
Every worker has one core of this machine, so that a machine can stand for
several; a run of one worker then has one core as well.
"""

import dataclasses
import os
import resource
import statistics
import time

import keras
import tensorflow as tf

import mp_keras
from pipeline.runs import runtime
from pipeline.trainings import networks
from pipeline.workers import cluster as cluster_module
from pipeline.workers import group as worker_group
from pipeline.workers import strategies

_CLASSES = 20
_WARM_UP_STEPS = 3  # the first one traces the graph
_REDUCTIONS = 200


@dataclasses.dataclass(frozen=True)
class Case:
    """What is measured.

    Args:
        network: Str, a name of pipeline/trainings/networks.py.
        batch_size: Int, examples of a training or a held-out batch.
        tasks: Int, tasks of all workers.
        workers: Int, processes.
        steps: Int, steps whose time is taken; 0 only counts collectives.
        image_size: Int, pixels.
        pinned: Bool, whether each worker has one core, or all of them.
    """

    network: str
    batch_size: int
    tasks: int
    workers: int = 1
    steps: int = 10
    image_size: int = 32
    pinned: bool = True


def measure(cases, timeout_s=300):
    """Returns the numbers of one worker, of several the one of TF_CONFIG.

    Args:
        cases: List of dicts of `Case`'s arguments, measured one after the other
            in this process; `workers` and `pinned` must be those of the first.
        timeout_s: Float, seconds to wait for the other workers.

    Returns: a dict for each of them: `step_ms` (median) and `start_s`, from
        the making of the networks to the beginning of the first step, unless
        there are no steps; `peak_mb` (10^6 bytes, of this process so
        far); `gradient` and `metrics`, lists of (operation, numbers, bytes), a
        step's collectives; and between workers `reduction_ms`, of φ's gradient
        by itself.
    Raises: ValueError, if there is no case, or they need other processes.
    """
    cases = [Case(**case) for case in cases]
    if len({(case.workers, case.pinned) for case in cases}) != 1:
        raise ValueError(
            "Argument `cases` must have one number of workers, pinned or not. "
            f"Received: cases={cases}"
        )
    cluster = None
    if cases[0].workers > 1:
        cluster = cluster_module.from_environment()
    if cases[0].pinned:
        _pin(cluster.number if cluster else 0)
    strategy = strategies.make_strategy(
        1, cluster, timeout_s, is_finished=lambda: False
    )
    runtime.configure(0)
    measured = [_measure_one(case, strategy) for case in cases]
    worker_group.WorkerGroup(cluster, strategy).wait()
    return measured


def _measure_one(case, strategy):
    start = time.perf_counter()
    trainer = make_trainer(case, strategy)
    making = time.perf_counter() - start
    batch = make_batch(case, len(trainer.local_tasks))
    gradient, everything = collectives(trainer, batch)
    measured = {"gradient": gradient, "metrics": everything[len(gradient) :]}
    if case.steps:
        measured["step_ms"], tracing = time_steps(trainer, batch, case)
        measured["start_s"] = making + tracing
    if case.workers > 1:
        measured["reduction_ms"] = _time_reduction(strategy)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured["peak_mb"] = 1024 * kilobytes / 1e6
    return measured


def collectives(trainer, batch):
    """Returns what a step exchanges, from its traced graph.

    Args:
        trainer: Compiled `MetaTrainer`.
        batch: Tuple of tensors, one replica's part of a step.

    Returns: two lists of (operation, numbers, bytes), one entry per collective:
        those of `train_step`, which are φ's gradient; and those of the whole
        step of `fit`, which are the same and then those of the metrics.
    """
    strategy = trainer.distribute_strategy

    def train(*data):
        return strategy.run(trainer.train_step, args=(data,))

    def train_and_report(*data):  # as `keras.Model.fit` reduces the logs
        logs = train(*data)
        return {k: strategy.reduce("MEAN", v, axis=0) for k, v in logs.items()}

    functions = [train]
    if strategy.num_replicas_in_sync > 1:
        functions.append(train_and_report)
    counts = []
    for function in functions:
        graph = tf.function(function).get_concrete_function(*batch).graph
        counts.append([_describe(op) for op in _collectives_in(graph)])
    return counts[0], counts[-1]


def _collectives_in(graph):
    for function in graph.as_graph_def().library.function:
        # One in a loop would count more than once.
        if any(node.op.startswith("Collective") for node in function.node_def):
            raise RuntimeError(
                "Collectives must be in the outermost graph of a step. "
                f"Received: one in {function.signature.name}"
            )
    return [op for op in graph.get_operations() if _is_collective(op)]


def _is_collective(operation):
    # Not CollectiveInitializeCommunicator and the like, which move nothing.
    return operation.type.startswith(
        ("CollectiveReduce", "CollectiveGather", "CollectiveBcast")
    )


def _describe(operation):
    output = operation.outputs[0]
    numbers = output.shape.num_elements()
    return [operation.type, numbers, numbers * output.dtype.size]


def _pin(number):
    """Gives this process one core, which the next worker does not have."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})
    tf.config.threading.set_intra_op_parallelism_threads(1)


def make_trainer(case, strategy=None):
    """Returns the compiled `MetaTrainer` of a case."""
    phi = mp_keras.PerturbationFunction(seed=0)
    network = networks.make_network(
        case.network, _CLASSES, case.image_size, perturbation=phi
    )
    trainer = mp_keras.MetaTrainer(
        network, case.tasks, perturbation=phi, seed=0, strategy=strategy
    )
    trainer.compile()
    return trainer


def make_batch(case, tasks):
    """Returns a step's random images and labels, a tuple of four tensors."""
    shape = (tasks, case.batch_size, case.image_size, case.image_size, 3)
    parts = []
    for _ in ("training", "held-out"):
        parts.append(tf.random.uniform(shape, -1.0, 1.0))
        labels = tf.random.uniform(shape[:2], 0, _CLASSES, tf.int64)
        parts.append(labels)
    return tuple(parts)


def time_steps(trainer, batch, case):
    """Returns a step's median milliseconds, and the seconds before the first.

    The first step takes as long as the others, after it is traced.
    """
    ends = [time.perf_counter()]

    def note(step, logs):
        float(logs["held_out_loss"])  # waits for the step
        ends.append(time.perf_counter())

    steps = _WARM_UP_STEPS + case.steps
    dataset = tf.data.Dataset.from_tensors(batch).repeat(steps)
    if case.workers > 1:
        strategy = trainer.distribute_strategy
        whole = dataset
        dataset = strategy.distribute_datasets_from_function(lambda _: whole)
    trainer.fit(
        dataset,
        steps_per_epoch=steps,
        callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=note)],
        verbose=0,
    )
    seconds = [after - before for before, after in zip(ends, ends[1:])]
    step = statistics.median(seconds[_WARM_UP_STEPS:])
    return 1000 * step, seconds[0] - step


def _time_reduction(strategy):
    """Returns the median milliseconds of one all-reduce of 82 numbers."""

    @tf.function
    def reduce():
        def in_replica():
            context = tf.distribute.get_replica_context()
            return context.all_reduce("SUM", tf.ones([82]))

        return strategy.run(in_replica)

    seconds = []
    for _ in range(_REDUCTIONS):
        began = time.perf_counter()
        reduce().numpy()
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)
