import sys

import pytest

from pipeline.benchmarks import authors

_SIZES = {"network": "conv4", "image_size": 16, "batch_size": 2}
# Stands for PyTorch: what the script touches before it reads its first line.
_TORCH = """
class Cuda:
    @staticmethod
    def is_available():
        return True

cuda = Cuda()
"""


class StepsTest:
    def test_without_a_checkout_there_are_none(self):
        with authors.steps(None, "", **_SIZES) as steps:
            assert steps == {}

    def test_interpreter_without_torch_is_said(self, tmp_path):
        with pytest.raises(ChildProcessError, match="torch"):
            with authors.steps(tmp_path, sys.executable, **_SIZES):
                pass

    def test_folder_that_is_no_checkout_is_said(self, tmp_path, monkeypatch):
        (tmp_path / "torch.py").write_text(_TORCH)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with pytest.raises(
            ChildProcessError, match="models/get_model.py. Received: .*empty"
        ):
            with authors.steps(tmp_path / "empty", sys.executable, **_SIZES):
                pass
