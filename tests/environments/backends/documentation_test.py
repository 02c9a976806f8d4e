"""Runs the code of docs/your_own_model.md on the backend at hand."""

import keras
import numpy as np
import pytest

from mp_keras.perturbation import positions_of
from tests.environments import markdown_code

PAGE = "your_own_model.md"
LOOPS = {"jax": "JAX", "torch": "PyTorch"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The names that the section on Keras 3 defines."""
    heading = "Keras 3: TensorFlow, JAX or PyTorch"
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        keras.utils.set_random_seed(0)
        return markdown_code.run(PAGE, heading)


class YourOwnModelTest:
    def test_model_learns(self, page):
        losses = page["history"].history["loss"]
        assert losses[-1] < 0.3 * losses[0]
        assert np.mean(page["probabilities"].argmax(1) == page["labels"]) > 0.9

    def test_every_block_has_phi(self, page):
        assert len(positions_of(page["model"])) == 2
        assert not positions_of(page["network"])

    def test_noise_of_channels_is_half_as_strong(self, page):
        positions = positions_of(page["wrapper"].network)
        assert [float(each.noise_coefficient) for each in positions] == [
            0.5
        ] * 2
        assert {each.perturbation.noise_per for each in positions} == {
            "channel"
        }
        assert np.mean(page["mixed"].argmax(1) == page["labels"]) > 0.6

    def test_loaded_model_is_the_saved_one(self, page):
        for ours, theirs in zip(
            page["model"].get_weights(), page["loaded"].get_weights()
        ):
            np.testing.assert_array_equal(ours, theirs)

    @pytest.mark.skipif(
        keras.backend.backend() not in LOOPS,
        reason="the page has loops in JAX and PyTorch",
    )
    def test_training_loop(self, page):
        heading = "A training loop of your own: "
        heading += LOOPS[keras.backend.backend()]
        model = page["network"]
        perturbed = page["mp_keras"].perturb_model(model, page["phi"], seed=0)
        page = markdown_code.run(PAGE, heading, {**page, "model": perturbed})
        losses = page["losses"]
        assert len(losses) == 20 and losses[-1] < 0.5 * losses[0]
        for position in positions_of(page["model"]):
            assert float(position.noise_coefficient) == 1
            assert np.all(np.array(position.moving_variance) != 1)
            for name, array in position.perturbation.values().items():
                np.testing.assert_array_equal(array, page["phi"].values()[name])
