"""What a measurement returns, and the collectives of a graph."""

import pytest
import tensorflow as tf

from pipeline.benchmarks import scaling

CASE = {"network": "conv4", "batch_size": 2, "image_size": 16}


class MeasureTest:
    def test_one_process_exchanges_nothing(self):
        case = {**CASE, "tasks": 1, "steps": 1, "pinned": False}
        (measured,) = scaling.measure([case])
        assert measured["gradient"] == measured["metrics"] == []
        assert 0 < measured["step_ms"]
        assert 0.1 < measured["start_s"] < 300
        assert 100 < measured["peak_mb"] < 1e5
        assert "reduction_ms" not in measured

    def test_cases_of_other_processes_raise(self):
        cases = [{**CASE, "tasks": 2, "workers": n} for n in (1, 2)]
        with pytest.raises(ValueError, match="one number of workers"):
            scaling.measure(cases)


class FakeTrainer:
    """Reduces one tensor in a step, within a function of its own or not."""

    def __init__(self, inside):
        self.distribute_strategy = tf.distribute.get_strategy()
        self.inside = inside

    def train_step(self, data):
        def reduce(value):
            return tf.raw_ops.CollectiveReduceV2(
                input=value,
                group_size=2,
                group_key=1,
                instance_key=1,
                ordering_token=[],
                merge_op="Add",
                final_op="Id",
            )

        return tf.function(reduce)(data[0]) if self.inside else reduce(data[0])


class CollectivesTest:
    def test_sizes_are_those_of_the_tensors(self):
        batch = (tf.zeros([3, 5], tf.float64),)
        gradient, everything = scaling.collectives(FakeTrainer(False), batch)
        assert gradient == everything == [["CollectiveReduceV2", 15, 120]]

    def test_hidden_ones_are_not_miscounted(self):
        with pytest.raises(RuntimeError, match="outermost graph"):
            scaling.collectives(FakeTrainer(True), (tf.zeros([3]),))
