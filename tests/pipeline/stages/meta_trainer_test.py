"""MetaTrainer: a finished run is handed on; a killed one can be resumed."""

import pytest

import mp_keras
from pipeline.stages import example_gen
from pipeline.stages import meta_trainer
from pipeline.trainings import meta_training
from tests.pipeline import smoke


class TrainTest:
    def test_what_is_handed_on(self, meta_run):
        names = {path.name for path in meta_run.iterdir()}
        assert names == {
            "config.json",
            "history.jsonl",
            "phi",
            "result.json",
            "tensorboard",
        }
        assert smoke.history_steps(meta_run) == [2, 4]
        phi = mp_keras.load_perturbation(meta_run / "phi").values()
        assert sum(array.size for array in phi.values()) == 82

    def test_result_names_the_data_that_was_asked_for(self, meta_run, name):
        result = smoke.read_json(meta_run / "result.json")
        assert result["data"] == name
        assert (result["steps"], result["tasks"]) == (4, 2)

    def test_run_lies_where_it_can_be_resumed(self, meta_run, root):
        (workdir,) = (root / "runs").glob("meta_train-*")
        assert (workdir / "checkpoints" / "checkpoint").exists()
        for file in ("history.jsonl", "phi/card.json"):
            handed_on = (meta_run / file).read_text()
            assert handed_on == (workdir / file).read_text()

    def test_second_call_reuses_the_run(
        self, examples, name, meta_run, root, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(meta_training, "_fit", lambda *a: 1 / 0)
        config = smoke.meta_config(name)
        result = meta_trainer.train(
            examples, config, root / "runs", "f", tmp_path / "again"
        )
        assert result == smoke.read_json(meta_run / "result.json")
        ours = (tmp_path / "again" / "phi" / "card.json").read_text()
        assert ours == (meta_run / "phi" / "card.json").read_text()

    def test_output_of_a_killed_copy_is_completed(
        self, examples, name, meta_run, root, tmp_path
    ):
        (tmp_path / "phi").mkdir()
        (tmp_path / "phi" / "card.json").write_text("{")
        config = smoke.meta_config(name)
        meta_trainer.train(examples, config, root / "runs", "f", tmp_path)
        for file in meta_run.rglob("*.*"):
            copy = tmp_path / file.relative_to(meta_run)
            assert copy.read_bytes() == file.read_bytes()

    @pytest.mark.parametrize(
        ("changes", "fingerprint", "same"),
        [({}, "f", True), ({"steps": 6}, "f", False), ({}, "g", False)],
    )
    def test_folder_stands_for_config_and_fingerprint(
        self, examples, name, tmp_path, monkeypatch, changes, fingerprint, same
    ):
        seen = []

        def meta_train(config, workdir):
            seen.append((config.data.source, workdir))
            raise KeyboardInterrupt

        monkeypatch.setattr(meta_training, "meta_train", meta_train)
        for keys, mark in (({}, "f"), (changes, fingerprint)):
            config = smoke.meta_config(name, **keys)
            with pytest.raises(KeyboardInterrupt):
                meta_trainer.train(
                    examples, config, tmp_path / "runs", mark, tmp_path / "out"
                )
        (source, first), (_, second) = seen
        assert source == example_gen.examples_source(examples)
        assert (first == second) == same
        assert first.startswith(f"{tmp_path / 'runs'}/meta_train-")
        assert not (tmp_path / "out").exists()
