"""`python -m tools.train_target`: what it leaves, killed and resumed."""

import json

import keras
import numpy as np

import mp_keras
from mp_keras.perturbation import layer as layer_module
from tests.tools import processes


def result_of(workdir):
    result = json.loads((workdir / "result.json").read_text())
    del result["seconds"]
    return result


class TrainTargetTest:
    def test_leaves_a_model_with_the_phi_of_the_config(
        self, target_run, meta_run
    ):
        phi = mp_keras.load_perturbation(meta_run / "phi").values()
        model = keras.saving.load_model(target_run / "model.keras")
        positions = layer_module.positions(model)
        assert len(positions) == 4
        for position in positions:
            for name, array in position.perturbation.values().items():
                np.testing.assert_array_equal(array, phi[name])
            assert float(position.noise_coefficient) == 1.0
        assert (target_run / "saved_model" / "saved_model.pb").is_file()

    def test_killed_and_resumed_run_equals_the_unbroken_one(
        self, target_run, target_arguments, tmp_path
    ):
        command = (*target_arguments, f"--workdir={tmp_path}")
        history = tmp_path / "history.jsonl"

        def is_between_checkpoints():  # after step 10, in the noise's ramp
            return history.exists() and history.read_text().count("\n") >= 5

        processes.kill_when(is_between_checkpoints, *command)
        assert processes.checkpointed_step(tmp_path) >= 8
        assert not (tmp_path / "result.json").exists()
        processes.succeed(*command)
        processes.assert_same_run(tmp_path, target_run)
        assert result_of(tmp_path) == result_of(target_run)
