"""Runs whose folder lies in an object store: unbroken, broken, evaluated."""

import numpy as np
import pytest

from pipeline.runs import run_folder
from pipeline.stages import meta_trainer
from pipeline.storage import artifact_store
from pipeline.trainings import classifier_evaluation
from pipeline.trainings import target_training
from tests.pipeline import smoke

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(scope="module")
def local(source, tmp_path_factory):
    """The same run on this machine."""
    workdir = tmp_path_factory.mktemp("local") / "run"
    target_training.train_target(smoke.target_config(source), workdir)
    return workdir


@pytest.fixture(scope="module")
def uri(source):
    """A run in a store that was killed at its first checkpoint, and resumed."""
    place = "memory://runs_in_a_store_test/run"
    publish = run_folder.RunFolder.publish

    def publish_and_die(folder):
        publish(folder)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_folder.RunFolder, "publish", publish_and_die)
        with pytest.raises(KeyboardInterrupt):
            target_training.train_target(smoke.target_config(source), place)
    assert "result.json" not in artifact_store.names_in(place)
    target_training.train_target(smoke.target_config(source), place)
    return place


class TrainTargetTest:
    def test_equals_the_run_on_this_machine(self, uri, local, tmp_path):
        stored = artifact_store.download(uri, tmp_path)
        result = smoke.read_json(stored / "result.json")
        expected = smoke.read_json(local / "result.json")
        for numbers in (result, expected):
            del numbers["seconds"]
        assert result == expected
        history = (local / "history.jsonl").read_text()
        assert (stored / "history.jsonl").read_text() == history

    def test_everything_is_there(self, uri, local):
        assert artifact_store.names_in(uri) == sorted(
            path.name for path in local.iterdir()
        )

    def test_finished_run_is_not_trained_again(self, uri, source, tmp_path):
        before = artifact_store.fingerprint(uri)
        target_training.train_target(smoke.target_config(source), uri)
        assert artifact_store.fingerprint(uri) == before

    def test_evaluation_reads_and_writes_there(self, uri, local):
        result = classifier_evaluation.evaluate_run(uri)
        assert "evaluation.json" in artifact_store.names_in(uri)
        expected = classifier_evaluation.evaluate_run(local)
        assert result["accuracy"] == expected["accuracy"]
        np.testing.assert_allclose(
            result["negative_log_likelihood"],
            expected["negative_log_likelihood"],
            rtol=1e-6,
        )

    def test_stage_copies_from_there(self, uri, local, tmp_path):
        names = ("config.json", "saved_model", "none")
        meta_trainer.copy_run(uri, tmp_path / "copy", names, {"a": 1})
        copied = sorted(path.name for path in (tmp_path / "copy").iterdir())
        assert copied == ["config.json", "result.json", "saved_model"]
        assert smoke.read_json(tmp_path / "copy" / "result.json") == {"a": 1}
