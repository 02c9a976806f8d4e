"""Which strategy a flag and a config ask for together."""

import pytest
import tensorflow as tf

from pipeline.workers import strategies


class CheckNameTest:
    @pytest.mark.parametrize(
        ("name", "replicas", "expected"),
        [
            (None, 1, "one_device"),
            (None, 2, "mirrored"),
            ("one_device", 1, "one_device"),
            ("mirrored", 4, "mirrored"),
            ("multi_worker", 1, "multi_worker"),
        ],
    )
    def test_what_fits(self, name, replicas, expected):
        assert strategies.check_name(name, replicas) == expected

    @pytest.mark.parametrize(
        ("name", "replicas", "needed"),
        [
            ("one_device", 2, "replicas=1"),
            ("mirrored", 1, "at least 2"),
            ("multi_worker", 2, "replicas=1, as TF_CONFIG"),
        ],
    )
    def test_contradictions_raise(self, name, replicas, needed):
        message = f"--strategy={name} needs .*{needed}(.|\n)*={replicas}"
        with pytest.raises(ValueError, match=message):
            strategies.check_name(name, replicas)


class MakeStrategyTest:
    def test_one_device_needs_none(self):
        assert strategies.make_strategy(1) is None

    def test_mirrored_has_the_replicas(self):
        strategy = strategies.make_strategy(2)
        assert isinstance(strategy, tf.distribute.MirroredStrategy)
        assert strategy.num_replicas_in_sync == 2
