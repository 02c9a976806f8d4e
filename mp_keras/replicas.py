"""How the tasks of meta-training are spread over replicas and workers.

MetaPerturb, section 3.3, trains T task networks side by side. Replica r of R
(a device of any process) trains the tasks r T / R to (r + 1) T / R - 1; what
the replicas exchange is a sum of small tensors.
"""

import itertools

import tensorflow as tf

_GROUP_KEYS = itertools.count(start=1000, step=1000)


def mirrored_strategy(devices):
    """Returns a `MirroredStrategy` that shares no collective with another.

    The trap: all strategies of a process number their collectives from the
    same start, and TensorFlow remembers the shape that a number had first. A
    second training with gradients of other shapes fails, "Shape mismatch in
    the collective instance".

    Args:
        devices: List of device names, as ["GPU:0", "GPU:1"].
    """

    class OwnKeysStrategy(tf.distribute.MirroredStrategy):
        _collective_key_base = next(_GROUP_KEYS)

    return OwnKeysStrategy(devices)


def check_tasks(tasks, replicas):
    """Refuses tasks that the replicas cannot share evenly.

    An uneven share would gain nothing: every step waits for the replica with
    the most tasks.

    Args:
        tasks: Int, all tasks.
        replicas: Int >= 1, the replicas of all processes.

    Raises: ValueError; names the nearest numbers that can be shared.
    """
    if tasks >= 1 and tasks % replicas == 0:
        return
    fewer = max(tasks, 0) // replicas * replicas
    nearest = [str(n) for n in (fewer, fewer + replicas) if n]
    raise ValueError(
        f"Argument `tasks` must be a positive multiple of {replicas}, the "
        f"number of replicas; nearest: {' or '.join(nearest)}. "
        f"Received: tasks={tasks}"
    )


def local_replicas(strategy):
    """Returns the numbers of this process' replicas, a range.

    Args:
        strategy: `tf.distribute.Strategy`; called outside its replicas.
    """
    numbers = strategy.experimental_local_results(
        strategy.experimental_distribute_values_from_function(
            lambda context: context.replica_id_in_sync_group
        )
    )
    return range(int(numbers[0]), int(numbers[-1]) + 1)


def local_devices(strategy):
    """Returns a device for each of this process' replicas.

    None, where there is one replica in all: the default device.
    """
    if strategy.num_replicas_in_sync == 1:
        return [None]
    return list(strategy.extended.worker_devices)


def current_replica():
    """Returns the number of the replica for which a step is traced."""
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def has_workers(strategy):
    """Whether the strategy spans processes."""
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return False
    return bool(strategy.cluster_resolver.cluster_spec().as_dict())


def sum_over_replicas(tensors):
    """Adds tensors of one type up over all replicas, in one all-reduce.

    Args:
        tensors: List of tensors whose shapes are known.

    Returns: list of tensors shaped like them, the same on every replica.
    """
    shapes = [tensor.shape for tensor in tensors]
    sizes = [shape.num_elements() for shape in shapes]
    flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)
    context = tf.distribute.get_replica_context()
    parts = tf.split(context.all_reduce("SUM", flat), sizes)
    return [tf.reshape(part, shape) for part, shape in zip(parts, shapes)]
