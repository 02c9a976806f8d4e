"""Tasks of different ages: each starts anew from time to time.

Where every task network trains from the first step to the last, φ sees young
networks in the beginning and old ones in the end. With a life of `every` steps
and lives that begin at different steps, it always sees both:

    task t of T starts anew at each step s > 0 with
        (s + t * every // T) % every == 0
    then: weights drawn anew from (seed, task, number of the restart);
          Adam's moments, moving statistics as at the start; Adam's step 0
    noise coefficient = maximum * min(1, age / (ramp * every))

All of it follows from the step and the task, so a checkpoint needs no more
than before. The first life of a task t > 0 is shorter than the others.
"""

import contextlib
import random

import keras
import numpy as np
import tensorflow as tf

from mp_keras import argument_checks
from mp_keras.meta_training import initial_weights


def age(step, task, tasks, every):
    """Returns the steps that a task has trained since it last started.

    Args:
        step: Int >= 0, steps of the whole training that are done.
        task: Int, number of the task.
        tasks: Int, number of all tasks.
        every: Int >= 1, steps of a life.
    """
    # In its first life a task is no older than the training.
    return min(step, (step + task * every // tasks) % every)


class TaskRestarts(keras.callbacks.Callback):
    """Starts each task of a `MetaTrainer` anew every so many steps.

    In place of `NoiseAnnealing`, whose ramp here is a part of a task's life.
    The step is that of φ's optimizer, so a resumed training goes on as an
    unbroken one. A task's noise stream goes on over a restart. A learning rate
    schedule of the tasks' optimizer counts the steps of a life, too.

    Args:
        every: Int >= 1, steps of a life.
        ramp: Float in [0, 1], default 0: the part of a life over which the
            task's noise coefficient rises. 0 means `maximum` at once.
        maximum: Float in [0, 1], default 1: where the coefficient ends.

    Raises: ValueError, if an argument is out of its range, the model is no
        `MetaTrainer` or runs several steps an execution, or the weights of its
        network cannot be drawn anew (`initial_weights.draw`).

    >>> TaskRestarts(1500, ramp=0.4).every
    1500
    """

    def __init__(
        self, every: int, ramp: float = 0.0, maximum: float = 1.0
    ) -> None:
        super().__init__()
        if type(every) is not int or every < 1:
            raise ValueError(
                "Argument `every` must be an integer of at least 1. "
                f"Received: every={every}"
            )
        argument_checks.check_fraction("ramp", ramp)
        argument_checks.check_fraction("maximum", maximum)
        self.every = every
        self.ramp = ramp
        self.maximum = maximum

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "banks"):
            raise ValueError(
                "TaskRestarts needs a MetaTrainer. "
                f"Received: model {self.model.name}"
            )
        if self.model.steps_per_execution != 1:
            raise ValueError(
                "TaskRestarts needs one step an execution. Received: "
                f"steps_per_execution={self.model.steps_per_execution}"
            )
        # What cannot be drawn is told now, not after `every` steps.
        draw(self.model.task_network, 0, 0, 0)

    def on_train_batch_begin(self, batch, logs=None):
        step = int(
            keras.ops.convert_to_numpy(self.model.optimizer.iterations.value)
        )
        for bank in self.model.banks:
            self._begin_step(bank, step)

    def _begin_step(self, bank, step):
        ages = np.array(
            [
                age(step, task, self.model.tasks, self.every)
                for task in bank.task_ids
            ]
        )
        if step:
            for index in np.flatnonzero(ages == 0):
                self._restart(bank, int(index), step)
        bank.births.assign(step - ages)
        ramp_steps = self.ramp * self.every
        parts = np.minimum(1.0, ages / ramp_steps) if ramp_steps else 1.0
        coefficients = np.full(bank.tasks, self.maximum * parts, "float32")
        for variable in bank.noise_coefficients:
            variable.assign(coefficients)

    def _restart(self, bank, index, step):
        task = bank.task_ids[index]
        offset = task * self.every // self.model.tasks
        number = (step + offset) // self.every
        weights = draw(self.model.task_network, bank.seed, task, number)
        start_over(bank, index, weights)


def draw(task_network, seed, task, number):
    """Returns the weights with which a task starts anew.

    Args:
        task_network: `TaskNetwork`.
        seed, task, number: Ints, which decide the weights; `number` counts
            the task's restarts.

    Returns: list of arrays. Python's random numbers, which seed Keras'
        initializers, go on as if none had been drawn.
    """
    with _random_numbers(f"{seed} {task} {number}"):
        return initial_weights.draw(task_network.network)


def start_over(bank, index, weights):
    """Gives one task other weights, and the moments and states of its start.

    Args:
        bank: `TaskBank`.
        index: Int, the task's index in the bank.
        weights: List of arrays, the new weights.
    """
    place = tf.constant(index)
    states = [
        now if start is None else tf.constant(start)
        for now, start in zip(bank.read(place)[3], bank.initial_states[index])
    ]
    zeros = [tf.zeros_like(weight) for weight in weights]
    weights = [tf.constant(weight) for weight in weights]
    bank.write(place, (weights, zeros, zeros, states))


@contextlib.contextmanager
def _random_numbers(seed):
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
