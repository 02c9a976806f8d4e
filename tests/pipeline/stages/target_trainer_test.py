"""TargetTrainer: one classifier a method and seed."""

import keras
import numpy as np
import pytest

import mp_keras
from mp_keras.export import class_name_file
from mp_keras.perturbation import positions_of
from pipeline.stages import example_gen
from pipeline.stages import target_trainer
from pipeline.trainings import classifier_evaluation
from pipeline.trainings import target_training
from tests import squares
from tests.pipeline import smoke


class TrainTest:
    @pytest.mark.parametrize("method", ["base", "meta_perturb"])
    def test_result(self, classifiers, name, method):
        result = smoke.read_json(classifiers[method] / "result.json")
        assert (result["method"], result["seed"]) == (method, 5)
        assert result["data"] == name
        assert result["class_names"] == list(squares.NAMES)
        saved_model = classifiers[method] / "saved_model"
        assert class_name_file.read_names(saved_model) == squares.NAMES
        assert "negative_log_likelihood" in result["validation"]
        assert not (classifiers[method] / "checkpoints").exists()
        assert smoke.history_steps(classifiers[method]) == [2, 4]

    def test_phi_is_the_exported_one_and_unchanged(self, classifiers, phi):
        model = keras.saving.load_model(
            classifiers["meta_perturb"] / "model.keras"
        )
        positions = positions_of(model)
        assert len(positions) == 4
        exported = mp_keras.load_perturbation(phi).values()
        for position in positions:
            for key, array in position.perturbation.values().items():
                np.testing.assert_array_equal(array, exported[key])

    def test_second_call_reuses_the_run(
        self,
        examples,
        phi,
        classifiers,
        make_target_config,
        root,
        tmp_path,
        monkeypatch,
    ):
        monkeypatch.setattr(target_training, "_fit", lambda *a: 1 / 0)
        config = make_target_config()
        result = target_trainer.train(
            examples, phi, "base", 5, config, root / "runs", "f", tmp_path
        )
        first = smoke.read_json(classifiers["base"] / "result.json")
        assert result == first == smoke.read_json(tmp_path / "result.json")

    def test_every_method_and_seed_has_its_folder(
        self, examples, phi, make_target_config, tmp_path, monkeypatch
    ):
        seen = {}

        def train_target(config, workdir, source):
            seen[config.method, config.seed] = workdir
            assert config.phi == str(phi)
            assert source == example_gen.examples_source(examples)
            raise KeyboardInterrupt

        monkeypatch.setattr(target_training, "train_target", train_target)
        for method in ("base", "meta_perturb"):
            for seed in (0, 1):
                config = make_target_config()
                with pytest.raises(KeyboardInterrupt):
                    target_trainer.train(
                        examples,
                        phi,
                        method,
                        seed,
                        config,
                        tmp_path,
                        "f",
                        tmp_path / "out",
                    )
        assert len(set(seen.values())) == 4
        assert ("meta_perturb", 1) in seen

    def test_ensemble_goes_on_without_a_history_of_its_own(
        self, examples, phi, make_target_config, root, tmp_path
    ):
        config = make_target_config()
        result = target_trainer.train(
            examples,
            phi,
            "deep_ensemble",
            5,
            config,
            root / "runs",
            "f",
            tmp_path,
        )
        assert result["method"] == "deep_ensemble"
        assert result["class_names"] == list(squares.NAMES)
        assert classifier_evaluation.load_classifier(tmp_path / "saved_model")
        names = class_name_file.read_names(tmp_path / "saved_model")
        assert names == squares.NAMES
        assert not (tmp_path / "history.jsonl").exists()

    def test_unknown_method(self, examples, phi, make_target_config, tmp_path):
        config = make_target_config()
        with pytest.raises(ValueError, match="method='dropout'"):
            target_trainer.train(
                examples,
                phi,
                "dropout",
                0,
                config,
                tmp_path / "runs",
                "f",
                tmp_path / "out",
            )
        assert not (tmp_path / "out").exists()
