import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

import mp_keras
from mp_keras import normal_draws

SHAPE = (64, 16, 16, 8)


def draw(function, shape=SHAPE, dtype="float32", seed=0):
    generator = keras.random.SeedGenerator(seed)
    return np.array(function(shape, dtype, generator))


@pytest.mark.parametrize("function", [normal_draws.exact, normal_draws.shared])
class DrawsTest:
    def test_distribution_is_the_standard_normal(self, function):
        draws = draw(function)
        assert draws.shape == SHAPE
        result = stats.kstest(draws.ravel()[::7], "norm")
        assert result.pvalue > 1e-3
        assert np.abs(draws).max() > 3.9  # of 131,072

    def test_examples_are_uncorrelated(self, function):
        draws = draw(function).reshape(64, -1)
        correlations = np.corrcoef(draws)[np.triu_indices(64, 1)]
        # 1 / sqrt(2,048) is the deviation of each of 2,016.
        assert np.abs(correlations).max() < 5 / np.sqrt(draws.shape[1])

    def test_calls_differ_and_the_seed_repeats_them(self, function):
        generator = keras.random.SeedGenerator(1)
        first, second = (
            np.array(function(SHAPE, "float32", generator)) for _ in range(2)
        )
        np.testing.assert_array_equal(first, draw(function, seed=1))
        correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(first.size)

    @pytest.mark.parametrize("shape", [(3, 5, 7, 3), (1, 1, 1, 1)])
    def test_any_shape_is_served(self, function, shape):
        assert draw(function, shape).shape == shape

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_dtype_is_the_one_asked_for(self, function, dtype):
        generator = keras.random.SeedGenerator(0)
        assert function((2, 4, 4, 2), dtype, generator).dtype == dtype

    def test_unknown_sizes_give_the_same_draws(self, function):
        generator = keras.random.SeedGenerator(0)

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 8))])
        def traced(features):
            shape = keras.ops.shape(features)
            return function(shape, "float32", generator)

        actual = traced(tf.zeros(SHAPE))
        np.testing.assert_allclose(actual, draw(function), atol=1e-6)


class SharedTest:
    def test_draws_are_windows_of_one_table(self):
        table = np.array(normal_draws._table())
        for example in draw(normal_draws.shared):
            rows = example.reshape(-1, table.shape[1])
            (start,) = np.flatnonzero((table == rows[0]).all(-1))
            expected = np.roll(table, -start, axis=0)[: len(rows)]
            np.testing.assert_array_equal(rows, expected)

    def test_examples_larger_than_the_table_repeat_it(self):
        numbers = normal_draws._ROWS * normal_draws._ROW
        draws = draw(normal_draws.shared, (1, numbers + 64))
        np.testing.assert_array_equal(draws[0, :64], draws[0, -64:])

    @pytest.mark.parametrize("is_graph", [False, True])
    @pytest.mark.parametrize(
        ("device", "is_shared"), [("CPU:0", True), (None, False)]
    )
    def test_table_is_read_where_the_op_runs_on_a_cpu(
        self, monkeypatch, device, is_shared, is_graph
    ):
        """On a machine with a GPU, which takes what names no device."""
        if not is_graph and device is None:
            pytest.skip("without a graph the op's device is the real one")
        monkeypatch.setattr(
            tf.config, "list_logical_devices", lambda kind: [kind]
        )
        monkeypatch.setattr(normal_draws, "exact", lambda *_: tf.zeros(SHAPE))
        generator = keras.random.SeedGenerator(0)

        def call():
            with tf.device(device):
                return normal_draws.shared(SHAPE, "float32", generator)

        actual = tf.function(call)() if is_graph else call()
        assert np.any(actual) == is_shared

    @pytest.mark.parametrize(
        ("training", "shared_draws", "function"),
        [
            (True, True, normal_draws.shared),
            (True, False, normal_draws.exact),
            (False, True, normal_draws.exact),
        ],
    )
    def test_layer_reads_it_in_training_unless_told_not_to(
        self, training, shared_draws, function
    ):
        layer = mp_keras.MetaPerturbLayer(seed=3, shared_draws=shared_draws)
        copy = mp_keras.MetaPerturbLayer.from_config(layer.get_config())
        expected = np.array(function(SHAPE, "float32", layer.seed_generator))
        actual = copy.sample_noise(tf.zeros(SHAPE), training)
        np.testing.assert_array_equal(actual, expected)

    def test_graphs_hold_no_copy_of_the_table(self):
        generator = keras.random.SeedGenerator(0)
        traced = tf.function(
            lambda: normal_draws.shared(SHAPE, "float32", generator)
        )
        graph = traced.get_concrete_function().graph.as_graph_def()
        assert graph.ByteSize() < 1e5
