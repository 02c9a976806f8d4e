"""`python -m tools.train_target`: what it leaves, killed and resumed."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.perturbation import positions_of
from tests.tools import processes


class TrainTargetTest:
    def test_leaves_a_model_with_the_phi_of_the_config(
        self, target_run, meta_run
    ):
        phi = mp_keras.load_perturbation(meta_run / "phi").values()
        model = keras.saving.load_model(target_run / "model.keras")
        positions = positions_of(model)
        assert len(positions) == 4
        for position in positions:
            for name, array in position.perturbation.values().items():
                np.testing.assert_array_equal(array, phi[name])
            assert float(position.noise_coefficient) == 1.0
        assert (target_run / "saved_model" / "saved_model.pb").is_file()

    @pytest.mark.long  # what kills do is tested in one process as well
    def test_killed_and_resumed_run_equals_the_unbroken_one(
        self, target_run, target_arguments, tmp_path
    ):
        """In the noise's ramp."""
        processes.assert_killed_run_goes_on(
            target_arguments, tmp_path, target_run
        )
