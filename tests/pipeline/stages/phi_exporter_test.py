"""PhiExporter: φ in its served form, or a reason why not."""

import json

import numpy as np
import pytest
import tensorflow as tf

import mp_keras
from pipeline.stages import phi_exporter
from tests import small_networks


@pytest.fixture
def run(tmp_path):
    """A meta-training's folder with a φ whose numbers are far from 0."""
    run = tmp_path / "run"
    run.mkdir()
    mp_keras.save_perturbation(
        small_networks.random_phi(),
        run / "phi",
        channel_norm=8,
        spatial_norm=16,
        card={"source": "npz:a_copy", "terms": "free", "seed": 3},
    )
    (run / "result.json").write_text(json.dumps({"data": "tfds:glyphs"}))
    return run


class ExportTest:
    def test_export_loads_with_its_card(self, run, tmp_path):
        card = phi_exporter.export(run, tmp_path / "phi")
        assert card == mp_keras.load_card(tmp_path / "phi")
        assert card == {
            "channel_norm": 8,
            "spatial_norm": 16,
            "source": "tfds:glyphs",  # what was asked for
            "terms": "free",
            "seed": 3,
        }
        ours = mp_keras.load_perturbation(tmp_path / "phi").values()
        for name, array in small_networks.random_phi().values().items():
            np.testing.assert_array_equal(ours[name], array.astype("float32"))

    def test_options_of_phi_go_along(self, run, tmp_path):
        phi = small_networks.random_phi(noise_per="channel")
        mp_keras.save_perturbation(phi, run / "phi", card={"source": "npz:x"})
        phi_exporter.export(run, tmp_path / "phi")
        exported = mp_keras.load_perturbation(tmp_path / "phi")
        assert exported.variant() == phi.variant()

    def test_export_of_a_real_run_serves(self, phi):
        served = tf.saved_model.load(str(phi)).signatures["serving_default"]
        features = tf.random.normal((2, 6, 6, 4), seed=0)
        (outputs,) = served(features=features).values()
        assert outputs.shape == (2, 6, 6, 4)
        assert not np.allclose(outputs, features, atol=1e-2)

    def test_export_that_computes_something_else(
        self, run, tmp_path, monkeypatch
    ):
        save = mp_keras.save_perturbation

        def save_another(phi, *arguments, **options):
            phi = small_networks.random_phi(seed=1)
            save(phi, *arguments, **options)

        monkeypatch.setattr(mp_keras, "save_perturbation", save_another)
        with pytest.raises(ValueError, match="must compute what the library"):
            phi_exporter.export(run, tmp_path / "phi")

    def test_check_sees_the_scale(self, run, monkeypatch):
        batch_statistics = phi_exporter.function.batch_statistics
        monkeypatch.setattr(
            phi_exporter.function,
            "batch_statistics",
            lambda features: [2 * x for x in batch_statistics(features)],
        )
        monkeypatch.setattr(mp_keras, "save_perturbation", lambda *a, **k: 0)
        with pytest.raises(ValueError, match="outputs that differ by"):
            phi_exporter.export(run, run / "phi")

    def test_run_without_phi(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="must be a SavedModel"):
            phi_exporter.export(tmp_path / "none", tmp_path / "phi")
