"""The pages' code for this environment, as it stands."""

import markdown_code
import numpy as np
import pytest


@pytest.fixture
def run(artifacts, tmp_path, monkeypatch):
    """Runs the code under a heading, in a folder with φ; returns its names."""
    (tmp_path / "phi").symlink_to(artifacts / "shipped")
    monkeypatch.chdir(tmp_path)

    def run_code_under(heading):
        return markdown_code.run("your_own_model.md", heading)

    return run_code_under


def accuracy(probabilities, labels):
    return np.mean(np.argmax(probabilities, axis=-1) == labels)


class YourOwnModelTest:
    def test_network_under_addons(self, run):
        names = run("tf.keras 2.15 and TensorFlow Addons")
        losses = names["history"].history["loss"]
        assert losses[-1] < 0.5 * losses[0]
        assert accuracy(names["probabilities"], names["labels"]) > 0.9
        layers = [
            layer for layer in names["loaded"].layers if "perturb" in layer.name
        ]
        assert [layer.noise_coefficient for layer in layers] == [1.0, 1.0]
        samples = [layer.calls.numpy() for layer in layers]
        assert samples == [60 + 20 + 30 * 3] * 2  # predict has 3 batches

    def test_network_of_plain_tensorflow(self, run):
        names = run("Plain TensorFlow")
        assert names["losses"][-1] < 0.5 * names["losses"][0]
        assert accuracy(names["probabilities"], names["labels"]) > 0.9
        sample = names["loaded"].sample(names["images"])
        assert accuracy(sample, names["labels"]) > 0.8
