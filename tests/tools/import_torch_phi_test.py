"""`python -m tools.import_torch_phi`, without PyTorch."""

import hashlib

import numpy as np

import mp_keras
from tests.perturbation import torch_files
from tests.tools import processes


class ImportTorchPhiTest:
    def test_checkpoint_becomes_a_saved_model(self, tmp_path):
        arrays = torch_files.make_arrays()
        path = tmp_path / "phi.pth"
        path.write_bytes(
            torch_files.legacy_file(*torch_files.make_state(arrays))
        )
        output = tmp_path / "exports" / "phi"
        text = processes.succeed(
            "import_torch_phi", f"--checkpoint={path}", f"--output={output}"
        )
        assert "82 numbers" in text
        values = mp_keras.load_perturbation(output).values()
        expected = mp_keras.import_torch_perturbation(path).values()
        for name, array in expected.items():
            np.testing.assert_array_equal(values[name], array)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert mp_keras.load_card(output)["source_digest"] == digest
