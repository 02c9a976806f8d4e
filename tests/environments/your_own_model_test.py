"""The page "Use it in your own model", as far as this environment runs it."""

import numpy as np
import pytest

import mp_keras
from tests.environments import markdown_code

PAGE = "your_own_model.md"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The names of the plain TensorFlow program; its φ folder is gone."""
    folder = tmp_path_factory.mktemp("programs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        markdown_code.run(PAGE, "Save φ for other programs")
        names = markdown_code.run(PAGE, "Plain TensorFlow")
    saved = mp_keras.load_perturbation(folder / "phi")
    (folder / "phi").rename(folder / "gone")
    return {**names, "saved": saved}


class OtherProgramsTest:
    def test_phi_that_is_saved_is_the_one_we_ship(self, plain):
        shipped = mp_keras.load_perturbation().values()
        for name, array in plain["saved"].values().items():
            np.testing.assert_array_equal(array, shipped[name])

    def test_plain_tensorflow_learns_its_own_weights_only(self, plain):
        assert plain["losses"][-1] < 0.5 * plain["losses"][0]
        assert len(plain["network"].trainable_variables) == 2
        classes = np.argmax(plain["probabilities"], axis=-1)
        assert np.mean(classes == plain["labels"]) > 0.9

    def test_network_of_plain_tensorflow_loads_without_phi(self, plain):
        samples = []
        for network in (plain["network"], plain["loaded"]):
            network.position.calls.assign(0)
            samples.append(network.sample(plain["images"]))
        np.testing.assert_allclose(*samples, rtol=1e-5)
