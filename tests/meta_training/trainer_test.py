"""MetaTrainer against the same algorithm written out eagerly."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from mp_keras import replicas as replicas_module
from mp_keras.perturbation import positions_of
from tests import small_networks

TASK_RATE, PHI_RATE = 0.01, 0.003
TASK_L2, PHI_L2 = 0.05, 0.02
# Adam's first steps are sign-like: its usual epsilon would turn a rounding
# error of a gradient near 0 into a whole step.
EPSILON = 1e-3


def make_batch(tasks, examples=6, seed=0):
    """One step's element: images and labels, training and held-out."""
    rng = np.random.default_rng(seed)
    size, classes = small_networks.SIZE, small_networks.CLASSES
    parts = []
    for _ in ("training", "held-out"):
        shape = (tasks, examples, size, size, 3)
        parts.append(rng.normal(size=shape).astype("float32"))
        parts.append(rng.integers(0, classes, (tasks, examples)))
    return tuple(tf.constant(part) for part in parts)


def make_trainer(
    tasks,
    replicas=1,
    task_rate=TASK_RATE,
    phi_rate=PHI_RATE,
    network_fn=None,
    eager=True,
    **arguments,
):
    """A trainer whose networks begin the same at each call."""
    keras.utils.set_random_seed(3)
    strategy = None
    if replicas > 1:
        strategy = replicas_module.mirrored_strategy(["CPU:0", "CPU:1"])
    trainer = mp_keras.MetaTrainer(
        network_fn or (lambda: small_networks.make_network(**arguments)),
        tasks,
        perturbation=small_networks.random_phi(5),
        seed=7,
        strategy=strategy,
    )
    trainer.compile(
        mp_keras.AdamL2(task_rate, l2=TASK_L2, epsilon=EPSILON),
        mp_keras.AdamL2(phi_rate, l2=PHI_L2, epsilon=EPSILON),
        run_eagerly=eager,
    )
    return trainer


def fit(trainer, *batches):
    """Trains one step a batch and returns the last step's logs."""
    parts = [tf.stack(part) for part in zip(*batches)]
    dataset = tf.data.Dataset.from_tensor_slices(tuple(parts))
    history = trainer.fit(dataset, verbose=0)
    return {name: values[-1] for name, values in history.history.items()}


def task_weights(trainer):
    """θ of every task, in the order of the tasks."""
    return [
        [weight.numpy()[index] for weight in bank.weights]
        for bank in trainer.banks
        for index in range(bank.tasks)
    ]


def task_states(trainer):
    return [
        [state.numpy()[index] for state in bank.states]
        for bank in trainer.banks
        for index in range(bank.tasks)
    ]


def phi_values(trainer):
    return list(trainer.perturbation.values().values())


def assert_all_close(actual, expected, **tolerance):
    assert len(actual) == len(expected)
    for ours, theirs in zip(actual, expected):
        np.testing.assert_allclose(ours, theirs, **tolerance)


def assert_all_equal(actual, expected):
    assert_all_close(actual, expected, rtol=0, atol=0)


def assert_all_moved(actual, before):
    for ours, theirs in zip(actual, before):
        assert np.abs(ours - theirs).max() > 1e-4


def is_different(actual, expected):
    return any(np.any(a != b) for a, b in zip(actual, expected))


class EagerReference:
    """Algorithm 1 with networks of their own and Adam in NumPy."""

    def __init__(self, networks, phi):
        self.networks = networks
        self.phi = [array.astype("float64") for array in phi]
        self.thetas = [
            [v.numpy().astype("float64") for v in network.trainable_variables]
            for network in networks
        ]
        self.moments = {}
        self.steps = 0

    def step(self, batch):
        """Does one step; returns the mean task and held-out losses."""
        self.steps += 1
        of_phi, losses = [], []
        for task, network in enumerate(self.networks):
            images, labels, held_out_images, held_out_labels = (
                part[task] for part in batch
            )
            for position in positions_of(network):
                position.perturbation.set_weights(self.phi)
            loss, of_theta, _ = self._pass(network, images, labels, False)
            self.thetas[task] = self._adam(
                task, self.thetas[task], of_theta, TASK_RATE, TASK_L2
            )
            for variable, value in zip(
                network.trainable_variables, self.thetas[task]
            ):
                variable.assign(value)
            gap, _, gradients = self._pass(
                network, held_out_images, held_out_labels, True
            )
            of_phi.append(gradients)
            losses.append((loss, gap))
        mean = [np.mean(parts, axis=0) for parts in zip(*of_phi)]
        self.phi = self._adam("phi", self.phi, mean, PHI_RATE, PHI_L2)
        return np.mean(losses, axis=0)

    def _pass(self, network, images, labels, held_out):
        """Returns loss, gradient of θ and of φ, summed over positions."""
        copies = [
            [weight.value for weight in position.perturbation.weights]
            for position in positions_of(network)
        ]
        theta = [variable.value for variable in network.trainable_variables]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(copies)
            features = images
            for layer in network.layers[1:]:  # one after the other
                if isinstance(layer, keras.layers.BatchNormalization):
                    features = layer(features, training=not held_out)
                elif isinstance(layer, mp_keras.MetaPerturbLayer):
                    features = layer(features, training=True)
                else:
                    features = layer(features)
            logits = tf.nn.log_softmax(features)
            chosen = tf.gather(logits, labels, axis=1, batch_dims=1)
            loss = -tf.reduce_mean(chosen)
        of_copies = tape.gradient(loss, copies)
        of_phi = [np.sum(parts, axis=0) for parts in zip(*of_copies)]
        return loss.numpy(), tape.gradient(loss, theta), of_phi

    def _adam(self, name, weights, gradients, rate, l2):
        old = self.moments.get(name, [(0.0, 0.0)] * len(weights))
        moments, updated = [], []
        for weight, gradient, (m, v) in zip(weights, gradients, old):
            gradient = np.asarray(gradient, "float64") + l2 * weight
            m = 0.9 * m + 0.1 * gradient
            v = 0.999 * v + 0.001 * gradient**2
            m_hat = m / (1 - 0.9**self.steps)
            v_hat = v / (1 - 0.999**self.steps)
            updated.append(weight - rate * m_hat / (np.sqrt(v_hat) + EPSILON))
            moments.append((m, v))
        self.moments[name] = moments
        return updated


@pytest.fixture(scope="module")
def compared():
    """A trainer after two steps of `fit`, and the reference after two."""
    keras.utils.set_random_seed(11)
    networks = [small_networks.make_network(stochastic=False) for _ in "ab"]
    own = [small_networks.make_network(stochastic=False) for _ in "ab"]
    for network, copy in zip(networks, own):
        copy.set_weights(network.get_weights())
    remaining = iter(networks)
    trainer = make_trainer(2, network_fn=lambda: next(remaining), eager=False)
    reference = EagerReference(own, phi_values(trainer))
    batches = [make_batch(2, seed=0), make_batch(2, seed=1)]
    losses = [reference.step(batch) for batch in batches]
    logs = fit(trainer, *batches)
    return trainer, reference, logs, losses


class OneStepTest:
    """Two steps of two tasks, equal to Algorithm 1 written out."""

    def test_task_weights(self, compared):
        trainer, reference, _, _ = compared
        for ours, theirs in zip(task_weights(trainer), reference.thetas):
            assert_all_close(ours, theirs, rtol=1e-5, atol=1e-6)

    def test_perturbation(self, compared):
        trainer, reference, _, _ = compared
        start = small_networks.random_phi(5).values().values()
        assert_all_moved(phi_values(trainer), list(start))
        assert_all_close(
            phi_values(trainer), reference.phi, rtol=1e-5, atol=1e-6
        )

    def test_moving_statistics(self, compared):
        """Batch norm's moved once a step, φ's twice."""
        trainer, reference, _, _ = compared
        moving = [
            index
            for index, variable in enumerate(trainer.task_network.states())
            if "moving" in variable.path
        ]
        assert len(moving) == 2 * (2 + 2)
        for ours, network in zip(task_states(trainer), reference.networks):
            theirs = trainer.task_network.states(network)
            assert_all_close(
                [ours[index] for index in moving],
                [theirs[index] for index in moving],
                rtol=1e-5,
                atol=1e-6,
            )

    def test_logs(self, compared):
        _, reference, logs, losses = compared
        task_loss, held_out_loss = np.mean(losses, axis=0)
        np.testing.assert_allclose(logs["task_loss"], task_loss, rtol=1e-5)
        np.testing.assert_allclose(
            logs["held_out_loss"], held_out_loss, rtol=1e-5
        )

    def test_load_task_refuses_what_is_not_here(self, compared):
        with pytest.raises(ValueError, match=r"range\(0, 2\)(.|\n)*task=2"):
            compared[0].load_task(2)

    def test_load_task_gives_its_network(self, compared):
        trainer, reference, _, _ = compared
        images = small_networks.draw_images(4, 8, 8, 3)
        for task, network in enumerate(reference.networks):
            for position in positions_of(network):
                position.perturbation.set_weights(reference.phi)
            expected = network(images, training=False)
            actual = trainer.load_task(task)(images, training=False)
            np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


class OwnLossesTest:
    def test_regularizer_of_the_network_is_trained_with(self):
        """On kernels, half of Keras' L2 is AdamL2's."""

        def regularized():
            network = small_networks.make_network()
            for layer in network.layers:
                if isinstance(layer, keras.layers.Conv2D):
                    half = keras.regularizers.L2(TASK_L2 / 2)
                    layer.kernel.regularizer = half
            return network

        plain, own = make_trainer(2), make_trainer(2, network_fn=regularized)
        own.task_optimizer.l2 = 0.0
        logs = [fit(trainer, make_batch(2)) for trainer in (plain, own)]
        assert logs[0]["task_loss"] == pytest.approx(logs[1]["task_loss"])
        kernels = [
            index
            for index, weight in enumerate(
                plain.task_network.network.trainable_variables
            )
            if "conv2d" in weight.path and weight.name == "kernel"
        ]
        assert len(kernels) == 2
        for ours, theirs in zip(task_weights(plain), task_weights(own)):
            for index in kernels:
                np.testing.assert_allclose(
                    ours[index], theirs[index], rtol=1e-5, atol=1e-6
                )


class SeparationTest:
    @pytest.mark.parametrize(
        ("still", "check_phi", "check_tasks"),
        [
            ("phi_rate", assert_all_equal, assert_all_moved),
            ("task_rate", assert_all_moved, assert_all_equal),
        ],
    )
    def test_each_update_leaves_the_other_alone(
        self, still, check_phi, check_tasks
    ):
        trainer = make_trainer(2, **{still: 0.0})
        phi, theta = phi_values(trainer), task_weights(trainer)
        trainer.train_step(make_batch(2))
        check_phi(phi_values(trainer), phi)
        for ours, before in zip(task_weights(trainer), theta):
            check_tasks(ours, before)

    def test_variable_lists_are_disjoint_and_complete(self):
        trainer = make_trainer(2)
        trained = trainer.trainable_variables
        assert sum(np.prod(v.shape) for v in trained) == 82
        (bank,) = trainer.banks
        network = small_networks.make_network()
        trained_shapes = [(2, *v.shape) for v in network.trainable_variables]
        for group in (bank.weights, bank.momentums, bank.velocities):
            assert [tuple(v.shape) for v in group] == trained_shapes
        frozen = sum(np.prod(v.shape) for v in network.non_trainable_variables)
        states = sum(np.prod(v.shape) for v in bank.states)
        assert states == 2 * (frozen - 2 * 82)  # two tasks, two copies of φ
        phi = {id(v.value) for v in trained}
        assert not phi & {id(v) for v in bank.variables}

    def test_state_holds_every_variable_once(self):
        trainer = make_trainer(2)
        held = [id(v) for group in trainer.state.values() for v in group]
        assert len(held) == len(set(held))
        needed = [v.value for v in trainer.perturbation.weights]
        needed += [v.value for v in trainer.optimizer.variables]
        needed += trainer.banks[0].variables
        assert {id(v) for v in needed} == set(held)
        assert len(trainer.optimizer.variables) == 2 + 2 * 6


class ReplicasTest:
    def test_one_and_two_replicas_agree(self):
        arguments = {"batch_norm": False, "stochastic": False, "eager": False}
        one = make_trainer(2, replicas=1, **arguments)
        two = make_trainer(2, replicas=2, **arguments)
        assert [bank.tasks for bank in two.banks] == [1, 1]
        batches = [make_batch(2, seed=0), make_batch(2, seed=1)]
        logs = [fit(trainer, *batches) for trainer in (one, two)]
        for name in logs[0]:
            np.testing.assert_allclose(
                logs[1][name], logs[0][name], rtol=1e-5, err_msg=name
            )
        assert_all_close(phi_values(two), phi_values(one), rtol=0, atol=1e-6)
        for ours, theirs in zip(task_weights(two), task_weights(one)):
            assert_all_close(ours, theirs, rtol=0, atol=1e-6)

    def test_perturbation_is_the_same_everywhere_and_tasks_are_not(self):
        trainer = make_trainer(4, replicas=2, eager=False)
        for seed in range(2):
            fit(trainer, make_batch(4, seed=seed))
            for weight in trainer.perturbation.weights:
                first, second = weight.value.values
                assert first is not second
                np.testing.assert_array_equal(first, second)
        kernels = [weights[0] for weights in task_weights(trainer)]
        assert len(kernels) == 4
        for index, kernel in enumerate(kernels):
            for other in kernels[:index]:
                assert np.mean(kernel != other) > 0.9


class NoiseTest:
    def test_streams_start_apart_for_task_position_and_replica(self):
        trainer = make_trainer(4, replicas=2)
        streams = [
            index
            for index, variable in enumerate(trainer.task_network.states())
            if "seed_generator" in variable.path
        ]
        assert len(streams) == 2  # positions
        starts = {
            tuple(states[index])
            for states in task_states(trainer)
            for index in streams
        }
        assert len(starts) == 2 * 4

    @pytest.mark.parametrize("stochastic", [True, False])
    def test_equal_tasks_differ_by_their_noise_alone(self, stochastic):
        network = small_networks.make_network(stochastic=stochastic)
        trainer = make_trainer(4, network_fn=lambda: network)
        one = make_batch(1)
        batch = [tf.repeat(part, 4, axis=0) for part in one]
        before = task_states(trainer)
        trainer.train_step(batch)
        theta = task_weights(trainer)
        for task in range(1, 4):
            assert is_different(theta[task], theta[task - 1]) == stochastic
        names = [v.path for v in trainer.task_network.states()]
        for name, old, new in zip(names, before[0], task_states(trainer)[0]):
            if "seed_generator" in name:  # moved: the next draws are others
                assert is_different([old], [new]) == stochastic


class AnnealingTest:
    @pytest.mark.parametrize("replicas", [1, 2])
    def test_every_task_is_annealed(self, replicas):
        # A graph: eager collectives of two replicas may meet out of order.
        trainer = make_trainer(4, replicas, eager=False)
        batches = tuple(tf.stack(part) for part in zip(*[make_batch(4)] * 4))
        seen = []
        probe = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen.append(
                np.array([c.numpy() for c in trainer.noise_coefficients])
            )
        )
        trainer.fit(
            tf.data.Dataset.from_tensor_slices(batches),
            callbacks=[mp_keras.NoiseAnnealing(0.5, total_steps=4), probe],
            verbose=0,
        )
        # Two positions a bank; a variable of the tasks of a replica each.
        assert seen[0].shape == (2 * replicas, 4 // replicas)
        assert [set(values.ravel()) for values in seen] == [
            {0.0},
            {0.5},
            {1.0},
            {1.0},
        ]
        for network_position in trainer.load_task(3).layers:
            if isinstance(network_position, mp_keras.MetaPerturbLayer):
                assert float(network_position.noise_coefficient) == 1.0

    def test_coefficient_zero_hides_the_noise(self):
        trainers = []
        for seed in (1, 2):
            trainer = make_trainer(1, seed=seed)
            for coefficient in trainer.noise_coefficients:
                coefficient.assign(np.zeros(1))
            for state in trainer.banks[0].states:
                if state.dtype.is_integer:  # the noise streams
                    state.assign(state + seed)
            fit(trainer, make_batch(1))
            trainers.append(trainer)
        assert_all_equal(*(task_weights(trainer)[0] for trainer in trainers))


class GraphTest:
    def test_operations_do_not_grow_with_the_tasks(self):
        counts = []
        for tasks in (2, 6):
            trainer = make_trainer(tasks, eager=False)
            specs = [
                tf.TensorSpec(part.shape, part.dtype)
                for part in make_batch(tasks)
            ]
            step = tf.function(trainer.train_step)
            graph = step.get_concrete_function(specs).graph.as_graph_def()
            functions = graph.library.function
            counts.append(
                len(graph.node) + sum(len(f.node_def) for f in functions)
            )
        assert counts[0] == counts[1] > 500


class CompileTest:
    def test_learning_rate_schedules_reach_both(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay
        trainer = make_trainer(
            1,
            task_rate=schedule([0], [TASK_RATE, 0.0]),
            phi_rate=schedule([0], [PHI_RATE, 0.0]),
        )
        phi, (theta,) = phi_values(trainer), task_weights(trainer)
        trainer.train_step(make_batch(1))
        moved_phi, (moved_theta,) = phi_values(trainer), task_weights(trainer)
        assert_all_moved(moved_phi, phi)
        assert_all_moved(moved_theta, theta)
        trainer.train_step(make_batch(1, seed=1))
        assert_all_equal(phi_values(trainer), moved_phi)
        assert_all_equal(task_weights(trainer)[0], moved_theta)

    def test_task_optimizer_must_be_ours(self):
        trainer = make_trainer(1)
        with pytest.raises(ValueError, match="`task_optimizer` must be an Ada"):
            trainer.compile(keras.optimizers.Adam())

    def test_default_optimizers_are_the_experiments(self):
        trainer = make_trainer(1)
        trainer.compile()
        for optimizer in (trainer.optimizer, trainer.task_optimizer):
            assert isinstance(optimizer, mp_keras.AdamL2)
            assert (optimizer.l2, optimizer.epsilon) == (5e-4, 1e-8)


class MetaTrainerTest:
    @pytest.mark.parametrize(
        ("tasks", "replicas"), [(0, 1), (-2, 1), (3, 2), (0, 2)]
    )
    def test_tasks_must_divide_over_the_replicas(self, tasks, replicas):
        message = f"multiple of {replicas}(.|\n)*tasks={tasks}"
        with pytest.raises(ValueError, match=message):
            make_trainer(tasks, replicas)

    def test_network_must_have_a_position(self):
        inputs = keras.Input((8, 8, 3))
        plain = keras.Model(inputs, keras.layers.Flatten()(inputs))
        with pytest.raises(ValueError, match="must contain MetaPerturbLayers"):
            make_trainer(1, network_fn=lambda: plain)

    def test_network_must_end_in_logits(self):
        network = small_networks.make_network()
        sure = keras.layers.Softmax()(network.output)
        with pytest.raises(ValueError, match="must end in logits.*softmax"):
            make_trainer(1, network_fn=keras.Model(network.input, sure))

    def test_one_network_gives_each_task_weights_of_its_own(self):
        network = small_networks.make_network()
        before = network.get_weights()
        (bank,) = make_trainer(3, network_fn=network).banks
        kernels = [v for v in bank.weights if len(v.shape) > 2]
        assert len(kernels) == 3
        for kernel in kernels:
            first, second, third = kernel.numpy()
            assert np.all(first != second)
            assert np.all(second != third)
        for old, new in zip(before, network.get_weights()):
            np.testing.assert_array_equal(old, new)

    def test_one_network_gives_each_task_dropout_of_its_own(self):
        inner = small_networks.make_network()
        dropped = keras.layers.Dropout(0.5)(inner.outputs[0])
        network = keras.Model(inner.inputs, dropped)
        (bank,) = make_trainer(4, network_fn=network).banks
        streams = [v.numpy() for v in bank.states if v.dtype.is_integer]
        assert len(streams) == 3  # two positions and the dropout
        rows = np.concatenate(streams)
        assert len({tuple(row) for row in rows}) == 12

    @pytest.mark.parametrize("count", [1, 3])
    def test_a_step_has_the_tasks_that_were_said(self, count):
        with pytest.raises(ValueError, match="must have 2 tasks"):
            make_trainer(2).train_step(make_batch(count))

    def test_lower_precision(self):
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            trainer = make_trainer(1)
            before = phi_values(trainer)
            logs = trainer.train_step(make_batch(1))
        finally:
            keras.config.set_dtype_policy("float32")
        assert all(np.isfinite(float(value)) for value in logs.values())
        assert_all_moved(phi_values(trainer), before)

    def test_sequential_network(self):
        inner = small_networks.make_network()
        network = keras.Sequential([keras.Input((8, 8, 3)), *inner.layers[1:]])
        trainer = make_trainer(1, network_fn=network)
        before = phi_values(trainer)
        trainer.train_step(make_batch(1))
        assert_all_moved(phi_values(trainer), before)

    def test_fresh_perturbation_follows_the_seed(self):
        makers = [
            mp_keras.MetaTrainer(small_networks.make_network, 1, seed=seed)
            for seed in (0, 0, 1)
        ]
        first, again, other = (phi_values(trainer) for trainer in makers)
        assert_all_equal(first, again)
        assert is_different(first, other)
        spread = np.std(np.concatenate([array.ravel() for array in first]))
        assert 0.006 < spread < 0.014

    def test_given_perturbation_is_copied(self):
        phi = small_networks.random_phi()
        before = list(phi.values().values())
        trainer = mp_keras.MetaTrainer(
            small_networks.make_network, 1, perturbation=phi
        )
        trainer.compile()
        assert_all_equal(phi_values(trainer), before)
        trainer.train_step(make_batch(1))
        assert is_different(phi_values(trainer), before)
        assert_all_equal(list(phi.values().values()), before)
