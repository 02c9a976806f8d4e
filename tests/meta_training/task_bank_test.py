"""TaskNetwork's two modes and TaskBank's reading and writing."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import mp_keras
from mp_keras.meta_training import task_bank
from tests import small_networks


def residual_network(phi):
    """A network that branches, with dropout in it, and noise-free φ."""
    inputs = keras.Input((8, 8, 3), name="images")
    features = layers.Conv2D(3, 3, padding="same", name="first")(inputs)
    features = layers.BatchNormalization(name="norm")(features)
    features = layers.Add(name="sum")([features, inputs])
    features = mp_keras.MetaPerturbLayer(
        phi, 3, 8, stochastic=False, seed=0, name="position"
    )(features)
    features = layers.Flatten(name="flat")(features)
    features = layers.Dropout(0.9, seed=0, name="dropout")(features)
    logits = layers.Dense(3, name="logits")(features)
    return keras.Model(inputs, logits)


def by_hand(network, images, batch_norm_training):
    """The logits of `residual_network` without `TaskNetwork`."""
    layer = network.get_layer
    features = layer("first")(images)
    features = layer("norm")(features, training=batch_norm_training)
    features = layer("position")(features + images, training=True)
    features = layer("dropout")(layer("flat")(features), training=True)
    return layer("logits")(features)


def values_of(variables):
    return [variable.numpy() for variable in variables]


class TaskNetworkTest:
    @pytest.mark.parametrize("held_out", [False, True])
    def test_modes_of_batch_norm_dropout_and_phi(self, held_out):
        phi = small_networks.random_phi()
        network = residual_network(phi)
        network.get_layer("norm").moving_mean.assign([0.3, -0.2, 0.1])
        task_network = task_bank.TaskNetwork(network)
        images = small_networks.draw_images(4, 8, 8, 3)
        logits, states, _ = task_network.logits(
            images,
            [tf.constant(v) for v in values_of(network.trainable_variables)],
            [tf.constant(v) for v in values_of(task_network.states())],
            [tf.constant(v) for v in values_of(phi.weights)],
            held_out,
        )
        before = values_of(task_network.states())
        # Run on the network's own variables, which nothing has touched yet.
        expected = by_hand(network, images, not held_out)
        np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)
        position = network.get_layer("position")
        moving = [position.moving_mean, position.moving_variance]
        moving.append(network.get_layer("dropout").seed_generator.state)
        if not held_out:
            norm = network.get_layer("norm")
            moving += [norm.moving_mean, norm.moving_variance]
        moving = {id(variable) for variable in moving}
        for variable, old, new in zip(task_network.states(), before, states):
            np.testing.assert_allclose(new, variable, rtol=1e-5, atol=1e-6)
            moved = np.any(np.asarray(new) != old)
            assert moved == (id(variable) in moving), variable.path

    def test_states_leave_the_copies_of_phi_out(self):
        network = small_networks.make_network()
        task_network = task_bank.TaskNetwork(network)
        names = [variable.path for variable in task_network.states()]
        # Two batch norms, two positions: 2 x 2 and 2 x (3 + a stream).
        assert len(names) == 2 * 2 + 2 * 4
        assert not [name for name in names if "/perturbation/" in name]

    def test_given_phi_replaces_every_copy(self):
        network = small_networks.make_network(stochastic=False)
        task_network = task_bank.TaskNetwork(network)
        images = small_networks.draw_images(4, 8, 8, 3)
        other = small_networks.random_phi(9)
        weights = [v.value for v in network.trainable_variables]
        states = [v.value for v in task_network.states()]
        logits, _, _ = task_network.logits(
            images, weights, states, [w.value for w in other.weights], False
        )
        expected = small_networks.make_network(other, stochastic=False)
        for ours, theirs in zip(
            expected.trainable_variables, network.trainable_variables
        ):
            ours.assign(theirs)
        np.testing.assert_allclose(
            logits, expected(images, training=True), rtol=1e-5, atol=1e-6
        )

    def test_batch_norm_in_a_nested_model_raises(self):
        inner = small_networks.make_network()
        inputs = keras.Input((8, 8, 3))
        outer = keras.Model(inputs, layers.ReLU()(inner(inputs)))
        with pytest.raises(ValueError, match="in its own graph(.|\n)*batch_no"):
            task_bank.TaskNetwork(outer)

    def test_phi_in_a_nested_model_is_found(self):
        inner = small_networks.make_network(batch_norm=False)
        inputs = keras.Input((8, 8, 3))
        outer = keras.Model(inputs, layers.ReLU()(inner(inputs)))
        assert len(task_bank.TaskNetwork(outer).positions) == 2


@pytest.fixture
def networks():
    return [small_networks.make_network(seed=0) for _ in range(3)]


@pytest.fixture
def bank(networks):
    task_network = task_bank.TaskNetwork(networks[0])
    values = [task_network.values(network) for network in networks]
    return task_bank.TaskBank(task_network, values, [4, 5, 6], seed=1)


class TaskBankTest:
    def test_tasks_start_as_their_networks(self, bank, networks):
        assert bank.tasks == 3
        for task, network in enumerate(networks):
            weights, momentums, velocities, _ = bank.read(tf.constant(task))
            for ours, theirs in zip(weights, network.trainable_variables):
                np.testing.assert_array_equal(ours, theirs)
            assert len(momentums) == len(velocities) == len(weights)
            for moment in momentums + velocities:
                assert not np.any(moment)

    def test_write_changes_one_task(self, bank):
        before = values_of(bank.variables)
        values = [[x + 1 for x in group] for group in bank.read(tf.constant(1))]
        bank.write(tf.constant(1), values)
        for variable, old in zip(bank.variables, before):
            np.testing.assert_array_equal(variable[1], old[1] + 1)
            np.testing.assert_array_equal(variable[0], old[0])
            np.testing.assert_array_equal(variable[2], old[2])

    @pytest.mark.parametrize("number", [np.nan, np.inf])
    @pytest.mark.parametrize("group", ["weights", "velocities"])
    def test_tasks_with_bad_numbers_are_found(self, bank, group, number):
        assert bank.broken_tasks() == []
        for variable, task in zip(getattr(bank, group), (2, 0)):
            values = variable.numpy()
            values[task].flat[-1] = number
            variable.assign(values)
        assert bank.broken_tasks() == [0, 2]

    def test_streams_follow_seed_task_and_position(self, networks):
        task_network = task_bank.TaskNetwork(networks[0])
        streams = [
            index
            for index, variable in enumerate(task_network.states())
            if "seed_generator" in variable.path
        ]

        def starts(task_ids, seed):
            values = [task_network.values(network) for network in networks]
            bank = task_bank.TaskBank(task_network, values, task_ids, seed)
            return np.array([bank.states[index].numpy() for index in streams])

        first = starts([0, 1, 2], 0)
        np.testing.assert_array_equal(starts([0, 1, 2], 0), first)
        np.testing.assert_array_equal(starts([2, 1, 0], 0), first[:, ::-1])
        everything = [first, starts([3, 4, 5], 0), starts([0, 1, 2], 1)]
        rows = np.concatenate(everything).reshape(-1, 2)
        assert len({tuple(row) for row in rows}) == len(rows) == 18
