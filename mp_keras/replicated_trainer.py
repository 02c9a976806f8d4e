"""What the trainers of many tasks share: tasks on replicas, one outer update.

MetaPerturb's `MetaTrainer` and Meta Dropout's `FewShotTrainer` train tasks side
by side and learn from the mean of their gradients:

    every replica:   sum of the gradients of its tasks / number of all tasks
    all replicas:    one all-reduce that adds them up
    every replica:   the same update of the shared weights

The trap: an optimizer would add the gradients up once more.
"""

import itertools
import typing

import keras
import tensorflow as tf

from mp_keras import replicas

_PACKED = "packed"  # all metrics in one tensor, between workers


class ReplicatedTrainer(keras.Model):
    """A model whose `train_step` sees the tasks of one replica.

    Args:
        tasks: Int >= 1, a multiple of the replicas.
        metric_names: Names of the metrics, in the order in which `train_step`
            hands them to `log`.
        strategy: `tf.distribute.Strategy` or None (default) for one device.
        **kwargs: Passed to `keras.Model`.

    Raises: ValueError, if `tasks` is not a positive multiple of the replicas.
    """

    train_function: typing.Any  # Keras' own; None before the first `fit`

    def __init__(self, tasks, metric_names, strategy=None, **kwargs):
        strategy = strategy or tf.distribute.get_strategy()
        replicas.check_tasks(tasks, strategy.num_replicas_in_sync)
        super().__init__(**kwargs)
        self._distribute_strategy = strategy
        self.tasks = tasks
        with strategy.scope():
            self._trackers = {
                name: keras.metrics.Mean(name=name) for name in metric_names
            }

    @property
    def replicas(self):
        """Number of replicas in sync."""
        return self.distribute_strategy.num_replicas_in_sync

    @property
    def metrics(self):
        return list(self._trackers.values())

    def compile_outer(self, optimizer, variables, **kwargs):
        """Sets the optimizer of the shared weights.

        Args:
            optimizer: `keras.optimizers.Optimizer` or its name, copied into
                the strategy's scope.
            variables: The shared weights.
            **kwargs: `run_eagerly` and `steps_per_execution`, as in Keras.
        """
        optimizer = keras.optimizers.get(optimizer)
        with self.distribute_strategy.scope():
            optimizer = type(optimizer).from_config(optimizer.get_config())
            optimizer.build(variables)
        # `train_step` has summed the gradients before: they cross the
        # replicas once.
        optimizer._all_reduce_sum_gradients = lambda pairs: pairs
        super().compile(optimizer=optimizer, jit_compile=False, **kwargs)

    def _maybe_symbolic_build(self, *args, **kwargs):
        """Does nothing: all is built, and a batch would be drawn for it."""

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return
        super().make_train_function(force)
        if replicas.has_workers(self.distribute_strategy):
            packed = self.train_function
            self.train_function = lambda iterator: dict(
                zip(self._trackers, packed(iterator)[_PACKED])
            )

    def check_step(self, data, unknown=True):
        """Returns the number of tasks of a replica, if a step has as many.

        Args:
            data: Sequence of tensors `(tasks, ...)`, those of one replica.
            unknown: Bool, default True: whether a number that is not known
                while tracing will do.

        Raises: ValueError, if there are more or fewer.
        """
        tasks = self.tasks // self.replicas
        received = data[0].shape[0]
        if received != tasks and not (unknown and received is None):
            raise ValueError(
                f"A step must have {self.tasks} tasks, {tasks} for each of "
                f"{self.replicas} replicas; `batch` needs `drop_remainder` to "
                "have a number that is known. Received: data of shapes "
                f"{[tuple(part.shape) for part in data]} on one of them"
            )
        return tasks

    def sum_over_tasks(self, tasks, one_task, like, logs):
        """Runs the tasks of this replica one after the other.

        The graph does not grow with the tasks.

        Args:
            tasks: Int, how many.
            one_task: Function from the number of a task, a scalar tensor, to
                a list of gradients and a list of scalars.
            like: List of tensors shaped like the gradients.
            logs: Int, number of the scalars.

        Returns: two lists, the sums over the tasks.
        """

        def add_one(task, gradients, sums):
            gradient, scalars = one_task(task)
            return (
                task + 1,
                [a + b for a, b in zip(gradients, gradient)],
                [a + b for a, b in zip(sums, scalars)],
            )

        _, gradients, sums = tf.while_loop(
            lambda task, *_: task < tasks,
            add_one,
            (
                tf.constant(0),  # a tensor in eager mode as well
                [tf.zeros_like(tensor) for tensor in like],
                [tf.constant(0.0)] * logs,
            ),
            parallel_iterations=1,
        )
        return gradients, sums

    def update_shared(self, old, gradients, variables, clip=None, some=()):
        """One step of the shared weights on the mean gradient of all tasks.

        Args:
            old: List of tensors, the weights before.
            gradients: List of tensors, sums over the tasks of this replica.
            variables: The weights.
            clip: Float > 0 or None (default): each number of the mean gradient
                is clipped to [-clip, clip].
            some: Sequence of bools, one per weight, default (): which weights
                are to have norms of their own.

        Returns: norms of the mean gradient (before it is clipped), of the new
            weights and of their change; then, if there are any, those of some.
        """
        gradients = [gradient / self.tasks for gradient in gradients]
        mean = replicas.sum_over_replicas(gradients)
        used = mean
        if clip is not None:
            used = [tf.clip_by_value(g, -clip, clip) for g in mean]
        self.optimizer.apply(used, variables)
        updated = [tf.convert_to_tensor(variable) for variable in variables]
        changes = [new - before for new, before in zip(updated, old)]
        all_of = (mean, updated, changes)
        norms = [tf.linalg.global_norm(each) for each in all_of]
        if any(some):
            norms += [
                tf.linalg.global_norm(list(itertools.compress(each, some)))
                for each in all_of
            ]
        return norms

    def log(self, values):
        """Takes the metrics of a step, in order, and returns their means."""
        for tracker, value in zip(self.metrics, values):
            tracker.update_state(value)
        results = {name: m.result() for name, m in self._trackers.items()}
        if replicas.has_workers(self.distribute_strategy):
            # Keras takes the mean over the first axis of all workers, in two
            # collectives an entry: so there is one entry.
            return {_PACKED: tf.stack([*results.values()])[tf.newaxis]}
        return results
