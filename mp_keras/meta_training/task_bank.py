"""The task bank: many task networks, one graph.

MetaPerturb, section 3.3, trains T task networks side by side. One functional
network describes them all; the weights of a replica's tasks are stacked on a
leading task axis, and a loop reads, updates and writes them task by task. The
traced graph does not grow with the tasks.

The traps: batch norm under the second forward pass (it must neither use nor
move the batch's statistics there), and Keras' seed generators, which draw the
same noise on every replica (each task and position starts elsewhere here).
"""

import keras
import numpy as np
import tensorflow as tf

from mp_keras import class_outputs
from mp_keras.graphs import graph_reading
from mp_keras.perturbation import positions_of


class TaskNetwork:
    """One functional network whose weights and φ come from outside.

    Args:
        network: Functional or built Sequential `keras.Model` from images to
            logits that contains `MetaPerturbLayer`s; serves as description,
            not as storage.

    Raises: ValueError, if the network has no position, does not end in the
        logits of two or more classes, or has batch norm inside a nested model
        or layer.
    """

    def __init__(self, network):
        if isinstance(network, keras.Sequential):
            network = graph_reading.view(network)
        self.network = network
        self.positions = positions_of(network)
        if not self.positions:
            raise ValueError(
                "The task network must contain MetaPerturbLayers. "
                f"Received: {network.name} without any"
            )
        class_outputs.check_logits(network)
        _check_batch_norm(network)
        self._held_out_view = keras.models.clone_model(
            network,
            clone_function=lambda layer: layer,
            call_function=_call_with_frozen_batch_norm,
        )
        # Where the copies of φ stand among the non-trainable variables:
        # index there -> index among the six weights of φ.
        phi_index = {
            id(weight): index
            for position in self.positions
            for index, weight in enumerate(position.perturbation.weights)
        }
        self._phi_index = [
            phi_index.get(id(variable))
            for variable in network.non_trainable_variables
        ]

    def values(self, network):
        """Returns the weights and states of a network built like this one.

        Args:
            network: `keras.Model`.

        Returns: two lists of arrays.
        """
        weights = [variable.numpy() for variable in network.trainable_variables]
        return weights, [variable.numpy() for variable in self.states(network)]

    def states(self, network=None):
        """Returns the non-trainable variables that belong to a task.

        Args:
            network: A network built like this one, or None for this one.
        """
        variables = (network or self.network).non_trainable_variables
        return [
            variable
            for variable, index in zip(variables, self._phi_index)
            if index is None
        ]

    def logits(self, images, weights, states, phi, held_out):
        """Runs the network with given weights, states and φ.

        Args:
            images: Float tensor `(batch, height, width, channels)`.
            weights: Tensors, as the network's trainable variables.
            states: Tensors, as `states()`.
            phi: Tensors, as `PerturbationFunction().weights`.
            held_out: Bool: whether batch norm uses, and leaves, its moving
                statistics. φ is in training mode in both.

        Returns: logits `(batch, classes)`, the new states, and the sum of the
            network's own losses (regularizers, `add_loss`), a scalar; of the
            held-out pass 0.
        """
        given = iter(states)
        values = [
            next(given) if index is None else phi[index]
            for index in self._phi_index
        ]
        if held_out:  # each layer's mode is fixed in the view
            logits, values = self._held_out_view.stateless_call(
                weights, values, images
            )
            own = []
        else:
            logits, values, own = self.network.stateless_call(
                weights, values, images, training=True, return_losses=True
            )
        # The losses are float32, under a policy of lower precision too.
        new_states = [
            value
            for value, index in zip(values, self._phi_index)
            if index is None
        ]
        own = sum((tf.cast(loss, "float32") for loss in own), tf.zeros(()))
        return tf.cast(logits, "float32"), new_states, own


class TaskBank:
    """The stacked variables of the tasks that one replica trains.

    Args:
        task_network: `TaskNetwork`, the description.
        initial_values: For each task two lists of arrays, its initial weights
            and states, as `TaskNetwork.values` returns them.
        task_ids: One int a task, unique over all replicas: with the position
            it decides where the task's noise starts.
        seed: Int, seed of the noise.

    Attributes: `weights` (θ), `momentums`, `velocities` (Adam's moments of θ)
        and `states` (moving statistics, noise streams, coefficients): lists
        of `tf.Variable` with a leading task axis; `noise_coefficients`, those
        of the states that `NoiseAnnealing` moves; `births`, the step at which
        each task started, 0 unless `TaskRestarts` moves it (not in
        `variables`: it follows from the step); `initial_states`, for each task
        a list of arrays, None for a noise stream.
    """

    def __init__(self, task_network, initial_values, task_ids, seed):
        self.tasks = len(initial_values)
        self.task_ids = list(task_ids)
        self.seed = seed
        self.births = tf.Variable(
            np.zeros(self.tasks, "int64"), trainable=False, name="task_births"
        )
        values = [weights for weights, _ in initial_values]
        self.weights = _stack(values, "weight")
        self.momentums = _stack(
            [[np.zeros_like(v) for v in task] for task in values], "momentum"
        )
        self.velocities = _stack(
            [[np.zeros_like(v) for v in task] for task in values], "velocity"
        )
        streams = _noise_streams(task_network)
        self.initial_states = [
            [
                state if stream is None else None
                for state, stream in zip(states, streams)
            ]
            for _, states in initial_values
        ]
        self.states = _stack(
            [
                _with_own_noise(states, streams, seed, task_id)
                for (_, states), task_id in zip(initial_values, task_ids)
            ],
            "state",
        )
        coefficients = {
            id(position.noise_coefficient)
            for position in task_network.positions
        }
        self.noise_coefficients = [
            stacked
            for stacked, state in zip(self.states, task_network.states())
            if id(state) in coefficients
        ]

    @property
    def variables(self):
        """All variables, in a fixed order."""
        return [*self.weights, *self.momentums, *self.velocities, *self.states]

    def broken_tasks(self):
        """Returns the indices of tasks with a number that is not finite."""
        finite = np.ones(self.tasks, bool)
        for variable in self.variables:
            if variable.dtype.is_floating:
                rows = variable.numpy().reshape(self.tasks, -1)
                finite &= np.isfinite(rows).all(axis=1)
        return np.flatnonzero(~finite).tolist()

    def read(self, task):
        """Returns the values of one task: weights, moments, states.

        Args:
            task: Integer scalar tensor, index in this bank.
        """
        return tuple(
            [tf.gather(variable, task) for variable in group]
            for group in (
                self.weights,
                self.momentums,
                self.velocities,
                self.states,
            )
        )

    def write(self, task, values):
        """Writes back what `read` returned, updated."""
        groups = self.weights, self.momentums, self.velocities, self.states
        for group, new_values in zip(groups, values):
            for variable, value in zip(group, new_values):
                variable.scatter_update(
                    tf.IndexedSlices(value[tf.newaxis], task[tf.newaxis])
                )


def _stack(values_of_tasks, name):
    """Makes one variable of each weight, the tasks along its first axis."""
    return [
        tf.Variable(np.stack(values), trainable=False, name=f"task_{name}")
        for values in zip(*values_of_tasks)
    ]


def _noise_streams(task_network):
    """Returns, for each state, the number of its noise stream, or None."""
    positions = task_network.positions
    others = [
        value
        for layer in task_network.network._flatten_layers(include_self=False)
        if layer not in positions
        for value in vars(layer).values()
        if isinstance(value, keras.random.SeedGenerator)
    ]
    generators = [*(position.seed_generator for position in positions), *others]
    numbers = {
        id(generator.state): number
        for number, generator in enumerate(generators)
    }
    return [numbers.get(id(variable)) for variable in task_network.states()]


def _with_own_noise(states, streams, seed, task_id):
    """Returns a task's initial states, its noise starting where no other's."""
    values = []
    for value, stream in zip(states, streams):
        if stream is not None:
            dtype = value.dtype
            entropy = [seed, task_id, stream]
            value = np.random.SeedSequence(entropy).generate_state(2)
            value = value.astype(dtype)
        values.append(value)
    return values


def _check_batch_norm(network):
    """Refuses batch norm that the held-out view would not reach."""
    hidden = [
        layer.name
        for layer in network._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer not in network.layers
    ]
    if hidden:
        raise ValueError(
            "Batch norm of a task network must be in its own graph, where the "
            "held-out pass can freeze it, not inside a nested model or layer. "
            f"Received: {network.name} with {hidden} inside others"
        )


def _call_with_frozen_batch_norm(layer, *args, **kwargs):
    if getattr(layer, "_call_has_training_arg", False):
        frozen = isinstance(layer, keras.layers.BatchNormalization)
        kwargs["training"] = not frozen
    return layer(*args, **kwargs)
