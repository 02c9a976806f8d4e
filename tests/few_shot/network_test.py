"""The few-shot network against Keras layers, and its weights."""

import numpy as np
import pytest
import tensorflow as tf

from mp_keras.few_shot import forward_pass
from mp_keras.few_shot import meta_dropout
from mp_keras.few_shot import network
from tests.few_shot import tasks


class ForwardTest:
    def test_samples_do_not_see_one_another(self):
        """Batch norm takes the statistics of each sample by itself."""
        learner = tasks.make_learner(spread=0.5)
        images, *_ = tasks.make_task()
        state = forward_pass.ForwardPass(learner.values(), samples=3)
        logits = learner.network.forward(images, state)
        alone = learner.logits(learner.values(), images)
        np.testing.assert_allclose(logits, np.tile(alone, (3, 1)), atol=1e-5)

    def test_query_images_see_one_another(self):
        learner = tasks.make_learner(spread=0.5)
        images, *_ = tasks.make_task()
        values = learner.values()
        together = learner.logits(values, images)[:2]
        alone = learner.logits(values, images[:2])
        assert np.max(np.abs(together - alone)) > 1e-3

    def test_stages_end_with_the_logits(self):
        learner = tasks.make_learner(spread=0.5)
        images, *_ = tasks.make_task()
        state = forward_pass.ForwardPass(learner.values())
        *blocks, flat, logits = learner.network.stages(images, state)
        assert [features.shape[1:] for features, _ in blocks] == [
            (16, 16, 4),
            (8, 8, 4),
            (4, 4, 4),
            (2, 2, 4),
        ]
        values = learner.values()
        expected = flat @ values["logits/kernel"] + values["logits/bias"]
        np.testing.assert_array_equal(logits, expected)
        last = tf.reshape(blocks[3][1], flat.shape)
        np.testing.assert_array_equal(last, flat)


class WeightsTest:
    @pytest.mark.parametrize(
        ("classes", "shape", "channels", "expected"),
        [
            # 640 + 3 * 36,928 + 4 * 64 + 64 * 20 + 20
            (20, (28, 28, 1), 64, 112_980),
            # 896 + 3 * 9,248 + 4 * 32 + 5 * 5 * 32 * 5 + 5
            (5, (84, 84, 3), 32, 32_773),
        ],
    )
    def test_sizes_of_the_paper(self, classes, shape, channels, expected):
        made = network.FewShotNetwork(classes, shape, channels)
        specs = made.specs.values()
        assert sum(int(np.prod(s.shape)) for s in specs) == expected

    def test_groups(self):
        made = tasks.make_network(meta_dropout.MetaDropout())
        names = {g: made.names(g) for g in ("adapted", "shared", "noise")}
        assert names["shared"] == [f"block_{i}/offset" for i in range(4)]
        assert len(names["adapted"]) == len(names["noise"]) == 10
        assert not set(names["adapted"]) & set(names["noise"])

    def test_start(self):
        learner = tasks.make_learner(meta_dropout.MetaDropout())
        values = learner.values()
        kernel = values["block_1/kernel"].numpy()
        assert 0.012 < kernel.std() < 0.022
        assert np.abs(kernel).max() < 0.0401  # truncated at two deviations
        for name, value in values.items():
            if not name.endswith("kernel"):
                np.testing.assert_array_equal(value, 0, err_msg=name)

    @pytest.mark.parametrize(
        ("classes", "shape", "channels", "message"),
        [
            (1, (28, 28, 1), 4, "`classes` must be at least 2"),
            (5, (15, 28, 1), 4, "at least 16 pixels"),
            (5, (28, 28), 4, r"\(height, width, channels\)"),
            (5, (28, 28, 1), 0, "`channels` must be at least 1"),
        ],
    )
    def test_wrong_arguments(self, classes, shape, channels, message):
        with pytest.raises(ValueError, match=message):
            network.FewShotNetwork(classes, shape, channels)
