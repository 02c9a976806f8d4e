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


@pytest.mark.parametrize(
    "function",
    [normal_draws.exact, normal_draws.shared, normal_draws.grouped],
)
class DrawsTest:
    def test_distribution_is_the_standard_normal(self, function):
        draws = draw(function)
        assert draws.shape == SHAPE
        result = stats.kstest(draws.ravel()[::7], "norm")
        assert result.pvalue > 1e-3
        assert np.abs(draws).max() > 3.9  # of 131,072

    def test_examples_are_uncorrelated(self, function):
        examples = 16 if function is normal_draws.grouped else 64
        draws = draw(function, (examples, *SHAPE[1:])).reshape(examples, -1)
        correlations = np.corrcoef(draws)[np.triu_indices(examples, 1)]
        # 1 / sqrt(2,048) is the deviation of each, of up to 2,016.
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
            (False, False, normal_draws.exact),
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


class GroupedTest:
    def test_first_examples_have_exact_draws(self):
        for batch in (5, 16):
            shape = (batch, *SHAPE[1:])
            np.testing.assert_array_equal(
                draw(normal_draws.grouped, shape),
                draw(normal_draws.exact, shape),
            )

    def test_each_further_group_is_the_first_turned(self):
        draws = draw(normal_draws.grouped, (40, *SHAPE[1:]))
        table = draws[:16].reshape(256, -1)  # rows of the maps
        starts = []
        for first, size in ((16, 16), (32, 8)):
            rows = draws[first : first + size].reshape(16 * size, -1)
            (start,) = np.flatnonzero((table == rows[0]).all(-1))
            expected = np.roll(table, -start, axis=0)[: len(rows)]
            np.testing.assert_array_equal(rows, expected)
            starts.append(int(start))
        assert len(set(starts)) == 2

    def test_few_numbers_are_all_drawn(self):
        draws = draw(normal_draws.grouped, (512, 1, 1, 64))
        assert len(np.unique(draws)) > 0.99 * draws.size

    def test_an_example_has_independent_draws_in_every_call(self):
        """What Monte Carlo prediction averages, image by image."""
        generator = keras.random.SeedGenerator(0)
        calls = np.stack(
            [
                np.array(
                    normal_draws.grouped((33, 8, 8, 16), "float32", generator)
                )
                for _ in range(64)
            ]
        )
        for example in (0, 15, 16, 32):
            numbers = calls[:, example].reshape(64, -1)  # (calls, 1024)
            assert stats.kstest(numbers.ravel(), "norm").pvalue > 1e-3
            of_calls = np.corrcoef(numbers)[np.triu_indices(64, 1)]
            of_elements = np.corrcoef(numbers.T)[np.triu_indices(1024, 1)]
            assert np.abs(of_calls).max() < 5 / np.sqrt(1024)
            assert np.abs(of_elements).max() < 6 / np.sqrt(64)

    def test_monte_carlo_prediction_alone_uses_them(self):
        layer = mp_keras.MetaPerturbLayer(seed=3, channel_norm=8)
        images = keras.Input((16, 16, 8))
        pooled = keras.layers.GlobalAveragePooling2D()(layer(images))
        model = keras.Model(images, pooled)
        same = np.ones((40, 16, 16, 8), "float32")
        averaged = mp_keras.MonteCarloClassifier(model, 1, from_logits=False)
        outputs = np.array(averaged((same, np.zeros(40, "int32"))))
        # A turn by whole rows keeps channels: groups have the same averages.
        sums = [np.sort(part.sum(0)) for part in (outputs[:16], outputs[16:32])]
        np.testing.assert_allclose(*sums, rtol=1e-5)
        outputs = np.array(model(same))
        sums = [part.sum(0) for part in (outputs[:16], outputs[16:32])]
        assert np.abs(sums[0] - sums[1]).max() > 1e-3
