"""The same seed gives the same φ: in another process, on two replicas.

Two tasks: the sum of two gradients does not depend on who adds them up.
"""

import json

import numpy as np
import pytest

import mp_keras
from tests.tools import processes


@pytest.fixture(scope="module")
def meta_runs(meta_arguments, tmp_path_factory):
    """The folders of one more run on one replica, and of one on two."""
    folders = {}
    for replicas in (1, 2):
        folders[replicas] = tmp_path_factory.mktemp(f"replicas_{replicas}")
        processes.succeed(
            *meta_arguments,
            f"--workdir={folders[replicas]}",
            f"--config.replicas={replicas}",
        )
    return folders


@pytest.mark.long  # two more runs
class MetaTrainTest:
    @pytest.mark.parametrize("replicas", [1, 2])
    def test_phi_is_the_same_bit_for_bit(self, meta_run, meta_runs, replicas):
        ours, theirs = (
            mp_keras.load_perturbation(folder / "phi").values()
            for folder in (meta_runs[replicas], meta_run)
        )
        for name, array in theirs.items():
            np.testing.assert_array_equal(ours[name], array)

    def test_logged_means_are_the_same_on_one_replica(
        self, meta_run, meta_runs
    ):
        """On two, they are added up in another order."""
        ours, theirs, mirrored = (
            (folder / "history.jsonl").read_text().splitlines()
            for folder in (meta_runs[1], meta_run, meta_runs[2])
        )
        assert ours == theirs
        for one, two in zip(ours, mirrored, strict=True):
            one, two = json.loads(one), json.loads(two)
            assert two == pytest.approx(one, rel=1e-5)
