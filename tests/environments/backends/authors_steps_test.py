"""The benchmark of the authors' code, on a stand-in for their repository."""

import pathlib
import runpy
import sys

import pytest

torch = pytest.importorskip("torch")
_SCRIPT = (
    pathlib.Path(__file__)
    .resolve()
    .parents[3]
    .joinpath("pipeline", "benchmarks", "authors_steps.py")
)
_STAND_IN = """
import torch


class Model(torch.nn.Module):
    def __init__(self, classes, perturbed):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4, classes)
        self.perturb = torch.nn.Linear(4, 4) if perturbed else None

    def forward(self, x, clipval=None, noise_coeff=1.0):
        assert clipval == 100
        x = self.norm(self.conv(x)).mean((2, 3))
        if self.perturb is not None:
            x = self.perturb(x)
        return self.fc(x), []


MADE = []


def get_model(model_name, num_classes, img_size, do_perturb):
    MADE.append(Model(num_classes, do_perturb))
    return MADE[-1]
"""


@pytest.fixture
def actions(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "get_model.py").write_text(_STAND_IN)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("models", "models.get_model"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    make = runpy.run_path(str(_SCRIPT))["_make_actions"]
    return make(network="resnet20", image_size=8, batch_size=4)


def weights(model, part):
    return {
        name: value.detach().clone()
        for name, value in model.named_parameters()
        if ("perturb" in name) == (part == "phi")
    }


class ActionsTest:
    def moved(self, action, model, part):
        before = weights(model, part)
        action()
        return any(
            not torch.equal(before[name], value)
            for name, value in weights(model, part).items()
        )

    def test_target_training_moves_theta_and_leaves_phi(self, actions):
        perturbed = sys.modules["models.get_model"].MADE[1]
        assert self.moved(actions["perturbed"], perturbed, "theta")
        assert not self.moved(actions["perturbed"], perturbed, "phi")

    def test_meta_training_moves_both(self, actions):
        task = sys.modules["models.get_model"].MADE[2]
        assert self.moved(actions["meta"], task, "theta")
        assert self.moved(actions["meta"], task, "phi")
        assert not task.norm.training  # in the held-out pass
