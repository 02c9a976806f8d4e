"""Tasks that start anew against trainings that begin at that step."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import mp_keras
from mp_keras.meta_training import restarts
from tests import small_networks
from tests.meta_training import trainer_test

EVERY = 4  # of two tasks: task 0 starts anew at 4, 8, ..., task 1 at 2, 6, ...
FIXED = {"phi_rate": 0.0, "stochastic": False}


def fit(trainer, steps, callback, first=0):
    """Trains the steps from `first`, whose batches depend on the step."""
    made = [
        trainer_test.make_batch(trainer.tasks, seed=step)
        for step in range(first, first + steps)
    ]
    parts = tuple(tf.stack(part) for part in zip(*made))
    dataset = tf.data.Dataset.from_tensor_slices(parts)
    trainer.fit(dataset, callbacks=callback, verbose=0)


class AgeTest:
    @pytest.mark.parametrize(
        ("task", "expected"),
        [
            (0, [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2]),
            (1, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4]),
            (3, [0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 0]),
        ],
    )
    def test_of_four_tasks_that_live_eight_steps(self, task, expected):
        ages = [restarts.age(step, task, 4, 8) for step in range(11)]
        assert ages == expected


class DrawTest:
    def test_depends_on_seed_task_and_number_alone(self):
        network = trainer_test.make_trainer(1).task_network
        first = restarts.draw(network, 7, 1, 2)
        random.seed(5)
        trainer_test.assert_all_equal(restarts.draw(network, 7, 1, 2), first)
        assert random.random() == random.Random(5).random()
        for other in ((8, 1, 2), (7, 2, 2), (7, 1, 3), (7, 12, 0)):
            drawn = restarts.draw(network, *other)
            assert np.all(drawn[0] != first[0]), other


@pytest.fixture(scope="module")
def restarted():
    """A trainer after four steps, whose task 1 has started anew."""
    trainer = trainer_test.make_trainer(2, **FIXED)
    fit(trainer, 4, mp_keras.TaskRestarts(EVERY))
    return trainer


class TaskRestartsTest:
    def test_restarted_task_is_that_of_a_training_that_begins_there(
        self, restarted
    ):
        other = trainer_test.make_trainer(2, **FIXED)
        drawn = restarts.draw(other.task_network, 7, 1, 1)
        for variable, value in zip(other.banks[0].weights, drawn):
            variable.assign(tf.stack([value, value]))
        fit(other, 2, mp_keras.TaskRestarts(100), first=2)
        for found in (trainer_test.task_weights, trainer_test.task_states):
            trainer_test.assert_all_close(
                found(restarted)[1], found(other)[1], rtol=0, atol=1e-6
            )

    def test_other_tasks_go_on(self, restarted):
        other = trainer_test.make_trainer(2, **FIXED)
        fit(other, 4, mp_keras.NoiseAnnealing(0))
        ours, theirs = map(trainer_test.task_weights, (restarted, other))
        trainer_test.assert_all_equal(ours[0], theirs[0])
        assert trainer_test.is_different(ours[1], theirs[1])

    def test_one_and_two_replicas_agree(self):
        options = {"batch_norm": False, "stochastic": False}
        one = trainer_test.make_trainer(2, 1, **options)
        two = trainer_test.make_trainer(2, 2, **options, eager=False)
        for trainer in (one, two):
            fit(trainer, 5, mp_keras.TaskRestarts(EVERY, ramp=0.5))
        trainer_test.assert_all_close(
            trainer_test.phi_values(two),
            trainer_test.phi_values(one),
            rtol=0,
            atol=1e-5,
        )
        pairs = zip(*map(trainer_test.task_weights, (two, one)))
        for ours, theirs in pairs:
            trainer_test.assert_all_close(ours, theirs, rtol=0, atol=1e-5)

    def test_noise_rises_within_a_life(self):
        trainer = trainer_test.make_trainer(2)
        seen = []
        probe = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: seen.append(
                trainer.noise_coefficients[0].numpy().tolist()
            )
        )
        annealing = mp_keras.TaskRestarts(EVERY, ramp=0.5, maximum=0.5)
        fit(trainer, 6, [annealing, probe])
        zero, half, whole = 0.0, 0.25, 0.5
        assert [pair[0] for pair in seen] == [
            zero,
            half,
            whole,
            whole,
            zero,
            half,
        ]
        assert [pair[1] for pair in seen] == [
            zero,
            half,
            zero,
            half,
            whole,
            whole,
        ]

    def test_noise_stream_goes_on(self):
        trainer = trainer_test.make_trainer(2)
        names = [state.path for state in trainer.task_network.states()]
        index = next(i for i, n in enumerate(names) if "seed_generator" in n)
        start = trainer_test.task_states(trainer)[1][index]
        callback = mp_keras.TaskRestarts(EVERY)
        fit(trainer, 2, callback)
        moved = trainer_test.task_states(trainer)[1][index]
        assert np.any(moved != start)
        bank = trainer.banks[0]
        restarts.start_over(bank, 1, [w.numpy()[1] for w in bank.weights])
        again = trainer_test.task_states(trainer)[1]
        np.testing.assert_array_equal(again[index], moved)

    def test_schedule_of_the_tasks_counts_a_life(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [0], [trainer_test.TASK_RATE, 0.0]
        )
        trainer = trainer_test.make_trainer(2, task_rate=schedule)
        callback = mp_keras.TaskRestarts(EVERY)
        fit(trainer, 2, callback)
        fit(trainer, 1, callback, first=2)  # task 1 is new
        drawn = restarts.draw(trainer.task_network, 7, 1, 1)
        moved = trainer_test.task_weights(trainer)
        trainer_test.assert_all_moved(moved[1][:1], drawn[:1])
        fit(trainer, 1, callback, first=3)
        trainer_test.assert_all_equal(
            trainer_test.task_weights(trainer)[1], moved[1]
        )


class FailureTest:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"every": 0}, "`every` must be an integer(.|\n)*every=0"),
            ({"every": 1.5}, "every=1.5"),
            ({"every": 2, "ramp": 1.5}, "`ramp` must be a frac(.|\n)*ramp=1.5"),
            ({"every": 2, "maximum": -1}, "maximum=-1"),
        ],
    )
    def test_wrong_argument_raises(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            mp_keras.TaskRestarts(**arguments)

    def test_another_model_raises(self):
        model = small_networks.make_network()
        model.compile(loss="mse")
        images = small_networks.draw_images(2, 8, 8, 3)
        with pytest.raises(ValueError, match="needs a MetaTrainer"):
            model.fit(
                images,
                np.zeros((2, 3)),
                callbacks=[mp_keras.TaskRestarts(2)],
                verbose=0,
            )

    def test_several_steps_an_execution_raise(self):
        trainer = trainer_test.make_trainer(2)
        trainer.compile(steps_per_execution=2)
        with pytest.raises(ValueError, match="steps_per_execution=2"):
            fit(trainer, 2, mp_keras.TaskRestarts(2))

    def test_weights_that_cannot_be_drawn_raise_at_once(self):
        inputs = keras.Input((8, 8, 3))
        features = layers.Conv2D(
            4, 3, kernel_initializer=keras.initializers.GlorotUniform(seed=1)
        )(inputs)
        features = mp_keras.MetaPerturbLayer(small_networks.random_phi(), 4, 6)(
            features
        )
        logits = layers.Dense(3)(layers.GlobalAveragePooling2D()(features))
        network = keras.Model(inputs, logits)
        trainer = trainer_test.make_trainer(1, network_fn=lambda: network)
        with pytest.raises(ValueError, match="without a(.|\n)*seed"):
            fit(trainer, 1, mp_keras.TaskRestarts(100))
