"""Activations of a block: without perturbation, expected, and drawn."""

import numpy as np
import pytest

from mp_keras.few_shot import activations
from mp_keras.few_shot import block_outputs
from mp_keras.few_shot import meta_dropout
from tests.few_shot import tasks

pytestmark = pytest.mark.usefixtures("eagerly")

IMAGES = tasks.make_task()[0]


class ViewActivationsTest:
    def test_holds_the_block_in_three_kinds(self):
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        network, values = learner.network, learner.values()
        view = activations.view_activations(
            network, values, IMAGES, 1, (4, 5), copies=3
        )
        assert view.stochastic.shape == (3, 6, 4, 4, 4)
        plain = block_outputs.without_perturbation(network)
        for found, expected in (
            (
                view.unperturbed,
                block_outputs.clean_outputs(plain, values, IMAGES),
            ),
            (
                view.expected,
                block_outputs.clean_outputs(network, values, IMAGES),
            ),
        ):
            np.testing.assert_array_equal(found, expected[1])
        assert not np.allclose(view.unperturbed, view.expected, atol=1e-3)
        assert view.stochastic.std(axis=0).max() > 0.01

    def test_strongest_channel(self):
        maps = np.zeros((2, 3, 3, 4))
        maps[0, :, :, 1] = 0.5
        maps[0, 0, 0, 2] = 2.0  # the highest, but not in the mean
        maps[1, :, :, 3] = 1.0
        view = activations.ActivationView(maps, maps, maps[np.newaxis])
        assert view.strongest_channel() == 1
        assert view.strongest_channel(1) == 3

    @pytest.mark.parametrize("block", [-1, 4, 1.5])
    def test_unknown_block(self, block):
        with pytest.raises(ValueError, match=f"0 to 3.*block={block}"):
            activations.view_activations(None, {}, IMAGES, block, (0, 0))
