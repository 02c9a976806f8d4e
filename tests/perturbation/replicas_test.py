"""The noise of a target network that trains on several replicas."""

import keras
import numpy as np
import tensorflow as tf

import mp_keras
from mp_keras import replicas
from tests.perturbation import examples


def outputs_on_two_replicas(training):
    strategy = replicas.mirrored_strategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        layer = examples.new_layer()
        layer.build((None, 8, 8, 4))
    inputs = tf.ones((2, 8, 8, 4))
    run = tf.function(
        lambda: strategy.run(lambda: layer(inputs, training=training))
    )
    return [
        np.array(each) for each in strategy.experimental_local_results(run())
    ]


class ReplicasTest:
    def test_replicas_draw_noise_of_their_own(self):
        for training in (True, False):
            first, second = outputs_on_two_replicas(training)
            assert np.all(first != second)

    def test_first_replica_draws_as_without_a_strategy(self):
        alone = examples.new_layer()(tf.ones((2, 8, 8, 4)))
        first, _ = outputs_on_two_replicas(False)
        np.testing.assert_allclose(first, alone, rtol=1e-6)

    def test_state_has_the_name_that_files_know(self):
        state = examples.new_layer().seed_generator.state
        assert state.path.startswith("seed_generator")

    def test_perturbed_model_trains_in_a_scope(self):
        strategy = replicas.mirrored_strategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            model = keras.Sequential(
                [
                    keras.Input((8, 8, 3)),
                    keras.layers.Conv2D(4, 3, activation="relu"),
                    keras.layers.Flatten(),
                    keras.layers.Dense(3),
                ]
            )
            phi = mp_keras.PerturbationFunction(seed=1)
            model = mp_keras.perturb_model(model, phi)
            model.compile("sgd", "mse")
        history = model.fit(
            np.ones((8, 8, 8, 3)), np.ones((8, 3)), epochs=2, verbose=0
        )
        assert np.all(np.isfinite(history.history["loss"]))
