"""What workers agree on, with their exchange replaced by a list."""

import pytest
import tensorflow as tf

from pipeline.workers import cluster as cluster_module
from pipeline.workers import group as worker_group

NAMES = ("worker 0", "worker 1", "worker 2")


class FakeGroup(worker_group.WorkerGroup):
    """A group in which the others' values are known."""

    def __init__(self, *others):
        names = NAMES[: len(others) + 1]
        super().__init__(cluster_module.Cluster(names, ("a:1",) * len(names)))
        self.others = others

    def exchange(self, value):
        return [value, *self.others]


class ExchangeTest:
    def test_alone(self):
        value = {"a": [1, "φ"]}
        assert worker_group.WorkerGroup().exchange(value) == [value]

    def test_values_come_in_the_order_of_the_workers(self):
        """Whatever the order in which the strategy gathers them."""

        class Strategy:
            def gather(self, codes, axis):
                other = list(b'[0, {"b": 2}]\n')
                return tf.concat([codes, tf.constant(other)], axis)

        cluster = cluster_module.Cluster(NAMES[:2], ("a:1", "b:1"), 1)
        group = worker_group.WorkerGroup(cluster, Strategy())
        assert group.exchange("φ") == [{"b": 2}, "φ"]


class CheckSameTest:
    def test_equal_configs_pass(self):
        config = {"seed": 0, "data": {"manual_dir": "/a", "source": "x"}}
        other = {"seed": 0, "data": {"manual_dir": "/b", "source": "x"}}
        FakeGroup(config, other).check_same(config)

    def test_difference_is_named_with_its_workers(self):
        group = FakeGroup({"data": {"seed": 1}}, {"data": {"seed": 2}})
        message = "data.seed=1 at worker 0, data.seed=2 at worker 2"
        with pytest.raises(ValueError, match=message):
            group.check_same({"data": {"seed": 1}})


class NewestCommonStepTest:
    @pytest.mark.parametrize(
        ("of_all", "step"),
        [
            (([4, 8],), 8),
            (([4, 8], [4, 8]), 8),
            (([8, 12], [4, 8]), 8),
            (([4, 8], [8, 12], [8]), 8),
            (([], []), 0),
            (([4], []), 0),  # killed while the first was saved
        ],
    )
    def test_all_can_resume_from_it(self, of_all, step):
        ours, *others = of_all
        assert FakeGroup(*others).newest_common_step(ours) == step

    def test_lost_checkpoints_are_named(self):
        message = r"steps \[4, 8\] at worker 0, none at worker 1"
        with pytest.raises(ValueError, match=message):
            FakeGroup([]).newest_common_step([4, 8])


class AnnounceTest:
    def test_names_the_worker_among_several(self, capsys):
        worker_group.WorkerGroup().announce("begins")
        assert capsys.readouterr().out == ""
        FakeGroup([]).announce("begins")
        assert capsys.readouterr().out == "worker 0: begins\n"
