"""`python -m tools.meta_train`: what it leaves, killed and resumed."""

import json

import numpy as np

import mp_keras
from tests.tools import processes


class MetaTrainTest:
    def test_leaves_phi_its_card_and_the_result(self, meta_run, source):
        result = json.loads((meta_run / "result.json").read_text())
        assert (result["steps"], result["tasks"]) == (24, 2)
        card = mp_keras.load_card(meta_run / "phi")
        assert card["source"] == source
        assert (card["channel_norm"], card["spatial_norm"]) == (64, 16)
        tensors = processes.checkpointed_tensors(meta_run)
        phi = mp_keras.load_perturbation(meta_run / "phi").values()
        assert sum(array.size for array in phi.values()) == 82
        for index, array in enumerate(phi.values()):
            name = f"perturbation/{index}/.ATTRIBUTES/VARIABLE_VALUE"
            np.testing.assert_array_equal(array, tensors[name])

    def test_killed_and_resumed_run_equals_the_unbroken_one(
        self, meta_run, meta_arguments, tmp_path
    ):
        command = (*meta_arguments, f"--workdir={tmp_path}")
        for step in (4, 12):
            processes.kill_when(
                lambda: processes.checkpointed_step(tmp_path) >= step, *command
            )
            assert not (tmp_path / "result.json").exists()
        processes.succeed(*command)
        processes.assert_same_run(tmp_path, meta_run)
        ours = mp_keras.load_perturbation(tmp_path / "phi").values()
        theirs = mp_keras.load_perturbation(meta_run / "phi").values()
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array)
