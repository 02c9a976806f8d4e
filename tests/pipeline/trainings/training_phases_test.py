"""The two phases of a pretrained network's training, and its weights."""

import keras
import numpy as np
import pytest

import mp_keras
from configs.target import pretrained
from mp_keras.networks import applications
from pipeline.runs import run_log
from pipeline.trainings import methods
from pipeline.trainings import target_training
from pipeline.trainings import training_phases
from tests import small_networks
from tests import tiny_application
from tests.pipeline import smoke

pytestmark = pytest.mark.usefixtures("eagerly")


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    tiny_application.replace(monkeypatch)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The paths of φ and of a file of weights."""
    folder = tmp_path_factory.mktemp("pretrained")
    mp_keras.save_perturbation(small_networks.random_phi(), folder / "phi")
    keras.utils.set_random_seed(1)
    model = tiny_application.tiny(False, input_shape=(32, 32, 3))
    for layer in model.layers:  # statistics as of a trained network
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta, mean + 0.05, 0.5 * variance])
    model.save_weights(folder / "small.weights.h5")
    return folder / "phi", folder / "small.weights.h5"


@pytest.fixture
def config_of(source, files):
    def make(method="base", **changes):
        config = pretrained.get_config("MobileNetV3Small,smoke")
        phi, weights = files
        values = {
            "method": method,
            "phi": str(phi),
            "export": False,
            "samples": 1,
            "steps": 6,
            "batch_size": 8,
            "log_every": 1,
            "checkpoint_every": 2,
            "data__source": source,
            "pretrained__weights": str(weights),
            "pretrained__head_share": 0.5,
            **changes,
        }
        config.update_from_flattened_dict(
            {key.replace("__", "."): value for key, value in values.items()}
        )
        return config

    return make


def values_of(network, wanted):
    """Returns {path: array} of the weights of the layers of a kind."""
    return {
        weight.path: np.array(weight)
        for layer in network.layers
        if wanted(layer)
        for weight in layer.weights
    }


def is_norm(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def is_old(layer):
    return layer.name != applications.CLASSIFIER and not is_norm(layer)


def same(first, second):
    return [np.array_equal(first[path], second[path]) for path in first]


class PhasesTest:
    def test_head_first_then_all_but_batch_norms(self, config_of):
        method = methods.make_method(config_of(steps=10), 4)
        head, rest = training_phases.make(config_of(steps=10), method)
        assert (head.first_step, head.last_step) == (0, 5)
        assert (rest.first_step, rest.last_step) == (5, 10)
        head.begin(method.trained)
        trained = {w.path for w in method.network.trainable_weights}
        assert trained == {"classifier/kernel", "classifier/bias"}
        assert method.trained.optimizer is head.optimizer
        rest.begin(method.trained)
        assert all(
            (weight.path in {w.path for w in layer.trainable_weights})
            is not is_norm(layer)
            for layer in method.network.layers
            for weight in layer._trainable_variables
        )
        assert method.trained.optimizer is rest.optimizer

    def test_rates_are_those_of_the_phase_and_drop(self, config_of):
        config = config_of(steps=1000, pretrained__head_share=0.5)
        method = methods.make_method(config, 4)
        head, rest = training_phases.make(config, method)
        for phase, steps, expected in (
            (head, (0, 400, 401, 499), (1e-3, 1e-3, 3e-4, 3e-4)),
            (rest, (0, 200, 201, 401), (1e-4, 1e-4, 3e-5, 9e-6)),
        ):
            rates = []
            for step in steps:
                phase.optimizer.iterations.assign(step)
                rates.append(float(phase.optimizer.learning_rate))
            np.testing.assert_allclose(rates, expected, rtol=1e-5)
        config.learning_rate_drops = ()
        head, rest = training_phases.make(config, method)
        assert (head.rate, rest.rate) == (1e-3, 1e-4)

    @pytest.mark.parametrize(
        ("share", "names"), [(0.0, ["all"]), (1.0, ["head"])]
    )
    def test_there_may_be_one_phase(self, config_of, share, names):
        config = config_of(pretrained__head_share=share)
        phases = training_phases.make(config, methods.make_method(config, 4))
        assert [phase.name for phase in phases] == names
        assert (phases[0].first_step, phases[-1].last_step) == (0, 6)

    def test_random_weights_are_trained_from_the_first_step(self, config_of):
        config = config_of(pretrained__weights="")
        method = methods.make_method(config, 4)
        (phase,) = training_phases.make(config, method)
        assert (phase.name, phase.rate_key) == ("", "learning_rate")
        assert all(
            layer.trainable for layer in method.network.layers if is_norm(layer)
        )

    def test_a_rival_s_own_weights_are_trained_with_the_head(self, config_of):
        config = config_of("information_dropout")
        method = methods.make_method(config, 4)
        head, _ = training_phases.make(config, method)
        head.begin(method.trained)
        trained = {w.path for w in method.network.trainable_weights}
        assert len(trained) == 2 + 2
        assert sum("information_dropout" in path for path in trained) == 2


class TrainTest:
    def test_backbone_is_the_file_s_until_its_phase(self, config_of, tmp_path):
        config = config_of(pretrained__head_share=1.0, steps=3)
        target_training.train_target(config, tmp_path / "head")
        after_head = methods.load_network(tmp_path / "head")
        start = methods.make_method(config, 4).network
        target_training.train_target(config_of(), tmp_path / "all")
        after_all = methods.load_network(tmp_path / "all")
        for wanted, head_keeps, all_keeps in (
            (is_norm, True, True),
            (is_old, True, False),
            (lambda layer: layer.name == "classifier", False, False),
        ):
            before = values_of(start, wanted)
            kept = same(before, values_of(after_head, wanted))
            assert np.mean(kept) == 1 if head_keeps else not any(kept)
            kept = same(before, values_of(after_all, wanted))
            assert np.mean(kept) == 1 if all_keeps else not any(kept)

    @pytest.mark.parametrize(
        ("method", "killed_at"),
        [
            ("meta_perturb", 1),  # before the first checkpoint
            ("manifold_mixup", 3),  # where the head's phase ends
            ("information_dropout", 5),  # in the second phase
        ],
    )
    def test_resumed_run_equals_an_unbroken_one(
        self, config_of, tmp_path, monkeypatch, method, killed_at
    ):
        config = config_of(method)
        whole = target_training.train_target(config, tmp_path / "whole")
        ended = run_log.RunLog.on_train_batch_end

        def killed(self, batch, logs=None):
            ended(self, batch, logs)
            if self._step == killed_at:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(run_log.RunLog, "on_train_batch_end", killed)
            with pytest.raises(KeyboardInterrupt):
                target_training.train_target(config, tmp_path / "broken")
        resumed = target_training.train_target(config, tmp_path / "broken")
        del whole["seconds"], resumed["seconds"]
        assert resumed == whole
        first, second = (
            methods.load_network(tmp_path / name)
            for name in ("whole", "broken")
        )
        for one, other in zip(first.weights, second.weights):
            np.testing.assert_array_equal(one, other, err_msg=one.path)

    def test_noise_rises_through_both_phases(
        self, config_of, tmp_path, monkeypatch
    ):
        found = []
        begun = mp_keras.NoiseAnnealing.on_train_batch_begin

        def note(self, batch, logs=None):
            begun(self, batch, logs)
            found.append(self._current)

        monkeypatch.setattr(
            mp_keras.NoiseAnnealing, "on_train_batch_begin", note
        )
        config = config_of("meta_perturb", noise_ramp=1.0)
        target_training.train_target(config, tmp_path)
        np.testing.assert_allclose(found, np.arange(6) / 6)

    def test_no_checkpoint_of_the_head_stops_a_run(
        self, config_of, tmp_path, monkeypatch
    ):
        losses = iter([0.1, 0.2, 0.3, 0.4, 0.5])  # always worse
        monkeypatch.setattr(
            target_training,
            "_tracker",
            lambda *a: lambda: {"validation_loss": next(losses)},
        )
        config = config_of(
            early_stopping__patience=1,
            data__validation_fraction=0.25,
            checkpoint_every=1,
        )
        config.steps, config.pretrained.head_share = 8, 0.5
        result = target_training.train_target(config, tmp_path)
        assert result["best_step"] == 4  # the last one of the head
        assert smoke.history_steps(tmp_path) == [1, 2, 3, 4, 5]


class WeightsTest:
    def test_digest_is_noted_and_another_file_refused(
        self, config_of, tmp_path, files
    ):
        config = config_of(steps=2, pretrained__head_share=1.0)
        copied = tmp_path / "copied.weights.h5"
        copied.write_bytes(files[1].read_bytes())
        config.pretrained.weights = str(copied)
        workdir = tmp_path / "run"
        result = target_training.train_target(config, workdir)
        assert len(result["weights"]) == 64
        (workdir / "result.json").unlink()
        copied.write_bytes(copied.read_bytes() + b" ")
        with pytest.raises(ValueError, match="copied.weights.h5.*began with"):
            target_training.train_target(config, workdir)

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            (
                {"pretrained__weights": "no/such.h5"},
                FileNotFoundError,
                "pretrained.weights(.|\n)*no/such.h5'.*not exist",
            ),
            (
                {"pretrained__weights": "weights.npz"},
                ValueError,
                "pretrained.weights(.|\n)*.keras(.|\n)*weights.npz",
            ),
            ({"pretrained__rate": 0.0}, ValueError, "pretrained.rate.*above 0"),
            (
                {"pretrained__head_share": 1.5},
                ValueError,
                "pretrained.head_share.*0 to 1",
            ),
            ({"image_size": 16}, ValueError, "at least 32 for MobileNetV3S"),
            (
                {"network": "MobileNetV3"},
                ValueError,
                "'conv4'(.|\n)*Did you mean 'MobileNetV3Small'",
            ),
        ],
    )
    def test_what_is_wrong_is_named_and_can_be_corrected(
        self, config_of, tmp_path, changes, error, message
    ):
        with pytest.raises(error, match=message):
            target_training.train_target(config_of(**changes), tmp_path)
        assert not (tmp_path / "config.json").exists()
