"""Learning rates that a checkpoint must not bring back."""

import keras
import pytest
import tensorflow as tf

import mp_keras
from mp_keras import replicas
from pipeline.runs import learning_rates


def optimizer_at(rate):
    optimizer = mp_keras.AdamL2(rate)
    optimizer.build([keras.Variable([1.0])])
    return optimizer


class RestoreRateTest:
    def test_constant_rate_is_set_again(self):
        optimizer = optimizer_at(1e-3)
        optimizer.learning_rate.assign(5.0)  # as a checkpoint does
        learning_rates.restore_rate(optimizer, 1e-4)
        assert float(optimizer.learning_rate) == pytest.approx(1e-4)

    def test_schedule_goes_on(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [4], [1.0, 0.5]
        )
        optimizer = optimizer_at(schedule)
        optimizer.iterations.assign(5)
        learning_rates.restore_rate(optimizer, schedule)
        assert float(optimizer.learning_rate) == 0.5

    def test_on_every_replica(self):
        strategy = replicas.mirrored_strategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            optimizer = optimizer_at(1e-3)
        learning_rates.restore_rate(optimizer, 0.25)
        rate = optimizer.variables[1].value
        values = [
            float(copy) for copy in strategy.experimental_local_results(rate)
        ]
        assert isinstance(rate, tf.distribute.DistributedValues)
        assert values == [0.25, 0.25]
