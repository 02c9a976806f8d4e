"""Run folders from before the folders were regrouped: read and gone on with.

`files/runs.zip` holds finished runs of four steps, and two of them as they
were after step 2. Their configs name data and φ relative to the folder.
"""

import json
import pathlib
import zipfile

import ml_collections
import numpy as np
import pytest

from pipeline.runs import earlier_configs
from pipeline.trainings import few_shot_evaluation
from pipeline.trainings import few_shot_training
from pipeline.trainings import meta_training
from pipeline.trainings import methods
from pipeline.trainings import target_data
from pipeline.trainings import target_training
from tests import patterns
from tests import squares

_FILES = pathlib.Path(__file__).parent / "files"
# Of another time or another software.
_OTHERWISE = {"seconds", "software", "versions"}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The folder of the runs, in a working directory with their data."""
    for name in ("runs.zip", "saved_models.zip"):
        with zipfile.ZipFile(_FILES / name) as archive:
            archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    squares.write_npz("squares.npz")
    patterns.write_npz("patterns.npz")
    return tmp_path / "runs"


def read(folder, name):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def config_of(folder):
    stored = read(folder, "config.json")
    return ml_collections.ConfigDict(earlier_configs.upgraded(stored))


def assert_same(actual, expected):
    """Compares results, numbers with what another machine may round."""
    for key in expected.keys() - _OTHERWISE:
        if isinstance(expected[key], float):
            np.testing.assert_allclose(actual[key], expected[key], rtol=1e-3)
        else:
            assert actual[key] == expected[key], key


class FinishedTest:
    @pytest.mark.parametrize(
        ("name", "train"),
        [
            ("meta", meta_training.meta_train),
            ("target", target_training.train_target),
            ("few_shot", few_shot_training.few_shot_train),
        ],
    )
    def test_is_finished(self, runs, name, train):
        folder = runs / name
        assert train(config_of(folder), folder) == read(folder, "result.json")

    def test_target_model_gives_its_metrics(self, runs):
        folder = runs / "target"
        data, _ = target_data.load_data(config_of(folder))
        network = methods.load_network(folder)
        metrics = target_training.evaluate(
            network, data.test_images, data.test_labels, samples=2
        )
        expected = read(folder, "result.json")
        shared = metrics.keys() & expected
        assert_same(metrics, {key: expected[key] for key in shared})

    def test_few_shot_checkpoint_gives_its_metrics(self, runs):
        folder = runs / "few_shot"
        actual = few_shot_evaluation.evaluate_few_shot(folder)
        expected = read(folder, "result.json")
        assert_same(
            actual, {key: expected[key] for key in actual.keys() & expected}
        )


@pytest.mark.long  # half a minute of graphs and an export
class UnfinishedTest:
    @pytest.mark.parametrize(
        ("name", "train"),
        [
            ("meta", meta_training.meta_train),
            ("target", target_training.train_target),
        ],
    )
    def test_goes_on_to_the_same_result(self, runs, name, train):
        folder = runs / f"{name}_at_step_2"
        config = config_of(folder)
        actual = train(config, folder)
        assert_same(actual, read(runs / name, "result.json"))
