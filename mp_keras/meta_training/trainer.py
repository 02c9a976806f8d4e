"""Meta-training of φ (MetaPerturb, section 3.3, Algorithm 1).

    for every step:
        for every task t (spread over the replicas):
            loss_t   = loss(training batch; θ_t, φ)      # task tape
            θ_t     -= Adam(d loss_t / d θ_t)
            gap_t    = loss(held-out batch; θ_t, φ)      # perturbation tape
            g_t      = d gap_t / d φ                     # θ_t is a constant
        φ -= Adam(mean of g_t over all tasks of all replicas)

First order: no gradient goes through the update of θ_t. Only φ's gradient, 82
numbers, crosses the replicas, in one all-reduce; θ never leaves its replica.
The traps: the all-reduce sums over replicas, so each replica divides by the
number of all tasks; and batch norm in the held-out pass (see task_bank.py).
"""

import typing
from collections import abc

import keras
import tensorflow as tf

from mp_keras import classification
from mp_keras import optimizers
from mp_keras import replicas
from mp_keras import replicated_trainer
from mp_keras.meta_training import initial_weights
from mp_keras.meta_training import task_bank
from mp_keras.perturbation import function

# In the order in which `train_step` gathers them.
_METRICS = (
    "task_loss",
    "task_accuracy",
    "task_grad_norm",
    "task_weight_norm",
    "task_update_norm",
    "held_out_loss",
    "held_out_accuracy",
    "perturb_grad_norm",
    "perturb_weight_norm",
    "perturb_update_norm",
)
_TASK_METRICS = 7  # the first of them are means over the tasks


class MetaTrainer(replicated_trainer.ReplicatedTrainer):
    """Learns φ over many tasks at once; trained by `compile` and `fit`.

    Every task has a network of its own, initialized on its own; φ is shared.
    `fit` takes a data set whose element is one step: training images
    `(tasks, batch, height, width, channels)`, training labels `(tasks,
    batch)`, held-out images and held-out labels, shaped alike. Under a
    `MirroredStrategy` the task axis is split over the replicas; under a
    `MultiWorkerMirroredStrategy` every worker gives `fit` a distributed data
    set whose element, for each of its replicas, has that replica's tasks only.
    What the network adds by itself (regularizers, `add_loss`) is a part of the
    training loss of its task, and no part of the logged `task_loss`.

    Args:
        network: Functional network with `MetaPerturbLayer`s, of which each
            task gets trainable weights drawn anew from its layers'
            initializers; or a function without arguments that returns such a
            network with its own initial weights at each call.
        tasks: Int >= 1, a multiple of the replicas.
        perturbation: `PerturbationFunction` to start from (copied), or None
            (default) for fresh numbers from N(0, 0.01^2).
        seed: Int, default 0. Seed of the noise and of fresh numbers.
        strategy: `tf.distribute.Strategy` or None (default) for one device.
        **kwargs: Passed to `keras.Model`.

    Attributes: `perturbation`, φ; `banks`, one `TaskBank` for each replica of
        this process; `task_network`, their common description;
        `local_tasks`, the range of the tasks that this process trains.
    Raises: ValueError, if `tasks` is not a positive multiple of the replicas,
        the network has no position, ends in probabilities or has batch norm in
        a nested model, weights cannot be drawn anew (`initial_weights.draw`),
        or φ is not input-dependent and has nothing to learn.

    Reference: Ryu et al., NeurIPS 2020, section 3.3, Algorithm 1.
    """

    def __init__(
        self,
        network: keras.Model | abc.Callable[[], keras.Model],
        tasks: int,
        perturbation: function.PerturbationFunction | None = None,
        seed: int = 0,
        strategy: tf.distribute.Strategy | None = None,
        **kwargs: typing.Any,
    ) -> None:
        super().__init__(tasks, _METRICS, strategy, **kwargs)
        start, variant = None, {}
        if perturbation is not None:
            start, variant = perturbation.values(), perturbation.variant()
            if not perturbation.input_dependent:
                raise ValueError(
                    "Argument `perturbation` must be input-dependent, to have "
                    "something to learn. Received: input_dependent=False"
                )
        with self.distribute_strategy.scope():
            self.perturbation = function.PerturbationFunction(
                start, seed=seed, **variant
            )
        self._make_banks(network, seed)
        self.built = True

    def _make_banks(self, network, seed):
        # In a dictionary of their own: Keras would track the networks as
        # parts of this model.
        plain = self.__dict__
        strategy = self.distribute_strategy
        mine = replicas.local_replicas(strategy)
        per_replica = self.tasks // self.replicas
        local = range(mine.start * per_replica, mine.stop * per_replica)
        plain["_first_replica"] = mine.start
        plain["local_tasks"] = local
        # Every process draws the weights of all tasks, for the draws follow
        # one another, and keeps those of its own.
        is_one = isinstance(network, keras.Model)
        task_network = task_bank.TaskNetwork(network if is_one else network())
        draws = _initial_values(task_network, None if is_one else network)
        values = [
            drawn
            for task, drawn in zip(range(self.tasks), draws)
            if task in local
        ]
        plain["task_network"] = task_network
        plain["banks"] = []
        for index, device in enumerate(replicas.local_devices(strategy)):
            part = slice(index * per_replica, (index + 1) * per_replica)
            with tf.device(device):
                bank = task_bank.TaskBank(
                    task_network, values[part], local[part], seed
                )
            self.banks.append(bank)

    def compile(self, task_optimizer=None, perturbation_optimizer=None, **kw):
        """Sets the two optimizers.

        Args:
            task_optimizer: `AdamL2` that updates every θ_t, or None for its
                defaults. Its hyperparameters are used, its variables are not.
            perturbation_optimizer: `keras.optimizers.Optimizer` that updates
                φ, or None for `AdamL2()`. Copied into the strategy's scope.
            **kw: `run_eagerly` and `steps_per_execution`, as in Keras.

        Raises: ValueError, if `task_optimizer` is not an `AdamL2`.
        """
        task_optimizer = task_optimizer or optimizers.AdamL2()
        if not isinstance(task_optimizer, optimizers.AdamL2):
            raise ValueError(
                "Argument `task_optimizer` must be an AdamL2. "
                f"Received: task_optimizer={task_optimizer}"
            )
        self.__dict__["task_optimizer"] = task_optimizer
        rate = task_optimizer._learning_rate
        self._task_rate = rate if callable(rate) else float(rate)
        self.compile_outer(
            perturbation_optimizer or optimizers.AdamL2(),
            self.perturbation.trainable_variables,
            **kw,
        )

    def train_step(self, data):
        bank = self.banks[replicas.current_replica() - self._first_replica]
        self.check_step(data)
        phi = [tf.convert_to_tensor(w) for w in self.perturbation.weights]

        def one_task(task):
            batches = [tf.gather(part, task) for part in data]
            age = self._steps_done() - tf.gather(bank.births, task)
            values, task_logs = self._update_task(
                bank.read(task), phi, age, *batches[:2]
            )
            gradient, states, held_out_logs = self._perturbation_gradient(
                values, phi, *batches[2:]
            )
            bank.write(task, (*values[:3], states))
            return gradient, [*task_logs, *held_out_logs]

        gradients, sums = self.sum_over_tasks(
            bank.tasks, one_task, phi, _TASK_METRICS
        )
        phi_logs = self.update_shared(
            phi, gradients, self.perturbation.trainable_variables
        )
        return self.log([total / bank.tasks for total in sums] + phi_logs)

    def _update_task(self, values, phi, age, images, labels):
        """One step of θ_t on the training batch (Algorithm 1, lines 8-9)."""
        weights, momentums, velocities, states = values
        with tf.GradientTape() as task_tape:
            task_tape.watch(weights)
            logits, states, own = self.task_network.logits(
                images, weights, states, phi, held_out=False
            )
            loss = classification.cross_entropy(labels, logits)
            total = loss + own
        gradients = task_tape.gradient(total, weights)
        step = age + 1
        learning_rate = self._task_learning_rate(age)
        updated = [
            self.task_optimizer.moments_and_weight(
                gradient, weight, momentum, velocity, step, learning_rate
            )
            for gradient, weight, momentum, velocity in zip(
                gradients, weights, momentums, velocities
            )
        ]
        momentums, velocities, new_weights = map(list, zip(*updated))
        changes = [new - old for new, old in zip(new_weights, weights)]
        logs = [
            loss,
            classification.accuracy(labels, logits),
            tf.linalg.global_norm(gradients),
            tf.linalg.global_norm(new_weights),
            tf.linalg.global_norm(changes),
        ]
        return (new_weights, momentums, velocities, states), logs

    def _perturbation_gradient(self, values, phi, images, labels):
        """φ's gradient on the held-out batch (Algorithm 1, lines 10-12)."""
        weights, _, _, states = values
        with tf.GradientTape() as perturbation_tape:
            perturbation_tape.watch(phi)
            logits, states, _ = self.task_network.logits(
                images, weights, states, phi, held_out=True
            )
            loss = classification.cross_entropy(labels, logits)
        gradients = perturbation_tape.gradient(
            loss,
            phi,
            # A variant without scale or noise leaves weights of φ unused.
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return (
            gradients,
            states,
            [loss, classification.accuracy(labels, logits)],
        )

    def _steps_done(self):
        """The steps of the whole training, counted by φ's optimizer."""
        return tf.cast(self.optimizer.iterations.value, "int64")

    def _task_learning_rate(self, age):
        """The task optimizer's rate after so many steps of the task."""
        if callable(self._task_rate):  # a schedule
            return self._task_rate(age)
        return tf.constant(self._task_rate)

    @property
    def noise_coefficients(self):
        """What `NoiseAnnealing` moves: variables `(tasks of a replica,)`."""
        return [c for bank in self.banks for c in bank.noise_coefficients]

    def load_task(self, task):
        """Returns the description network with the values of one task.

        Args:
            task: Int, number of the task among all.

        Returns: the functional network, θ_t, its states and φ set in it.
        Raises: ValueError, if another process trains this task.
        """
        if task not in self.local_tasks:
            raise ValueError(
                f"Argument `task` must be in {self.local_tasks}, the tasks of "
                f"this process. Received: task={task}"
            )
        place, index = divmod(
            task - self.local_tasks.start, self.tasks // self.replicas
        )
        bank = self.banks[place]
        network = self.task_network.network
        pairs = [
            *zip(network.trainable_variables, bank.weights),
            *zip(self.task_network.states(), bank.states),
        ]
        for variable, stacked in pairs:
            variable.assign(stacked[index])
        for position in self.task_network.positions:
            position.perturbation.set_values(self.perturbation.values())
        return network

    @property
    def state(self):
        """All that this process' checkpoint must hold: name to variables."""
        return {
            "perturbation": [w.value for w in self.perturbation.weights],
            "optimizer": [v.value for v in self.optimizer.variables],
            **{
                f"replica_{index}": bank.variables
                for index, bank in enumerate(self.banks, self._first_replica)
            },
        }


def _initial_values(task_network, make_network):
    """Yields the initial weights and states of one task after the other.

    Args:
        task_network: `TaskNetwork` of the first task.
        make_network: Function that makes the networks of the others, or None:
            the weights of all are drawn anew.
    """
    network = task_network.network
    if make_network is None:
        _, states = task_network.values(network)
        while True:
            yield initial_weights.draw(network), states
    while True:
        yield task_network.values(network)
        network = make_network()
