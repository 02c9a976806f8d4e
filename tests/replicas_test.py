"""How tasks lie on replicas, and what replicas exchange."""

import numpy as np
import pytest
import tensorflow as tf

from mp_keras import replicas


@pytest.fixture(scope="module")
def mirrored():
    return replicas.mirrored_strategy(["CPU:0", "CPU:1"])


class CheckTasksTest:
    @pytest.mark.parametrize(("tasks", "count"), [(1, 1), (6, 3), (10, 5)])
    def test_even_shares_pass(self, tasks, count):
        replicas.check_tasks(tasks, count)

    @pytest.mark.parametrize(
        ("tasks", "count", "nearest"),
        [(10, 4, "8 or 12"), (3, 4, "4"), (0, 2, "2"), (-5, 3, "3")],
    )
    def test_uneven_ones_name_the_nearest(self, tasks, count, nearest):
        message = f"multiple of {count},.*nearest: {nearest}. (.|\n)*ks={tasks}"
        with pytest.raises(ValueError, match=message):
            replicas.check_tasks(tasks, count)


class LocalTest:
    def test_one_process_has_all_replicas(self, mirrored):
        assert replicas.local_replicas(mirrored) == range(2)
        devices = replicas.local_devices(mirrored)
        assert [name[-5:] for name in devices] == ["CPU:0", "CPU:1"]

    def test_one_device(self):
        strategy = tf.distribute.get_strategy()
        assert replicas.local_replicas(strategy) == range(1)
        assert replicas.local_devices(strategy) == [None]

    def test_processes_are_workers_only_in_a_cluster(self, mirrored):
        assert not replicas.has_workers(mirrored)
        assert not replicas.has_workers(tf.distribute.get_strategy())


class SumOverReplicasTest:
    def sums(self, strategy, shape):
        @tf.function
        def run():
            def in_replica():
                number = float(replicas.current_replica() + 1)
                pair = [tf.fill(shape, number), tf.fill([], 10 * number)]
                return replicas.sum_over_replicas(pair)

            return strategy.run(in_replica)

        return map(strategy.experimental_local_results, run())

    def test_adds_tensor_by_tensor(self, mirrored):
        matrices, scalars = self.sums(mirrored, [9, 9])
        for value in matrices:
            np.testing.assert_array_equal(value, np.full((9, 9), 3.0))
        assert [float(value) for value in scalars] == [30.0, 30.0]

    def test_trainings_of_other_sizes_follow_one_another(self, mirrored):
        self.sums(mirrored, [9, 9])
        other = replicas.mirrored_strategy(["CPU:0", "CPU:1"])
        for value in next(self.sums(other, [5])):
            np.testing.assert_array_equal(value, np.full(5, 3.0))
