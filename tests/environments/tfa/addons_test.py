"""Networks with φ under the optimizers of TensorFlow Addons, and on disk."""

import shutil

import numpy as np
import pytest
import small_models
import tensorflow as tf
import tensorflow_addons as tfa

EPOCHS = 12


def make_optimizer(name):
    """Returns one of the optimizers that our users name."""
    if name == "AdamW":
        return tfa.optimizers.AdamW(weight_decay=1e-4, learning_rate=0.02)
    adam = tf.keras.optimizers.legacy.Adam(0.02)
    if name == "SWA":
        return tfa.optimizers.SWA(adam, start_averaging=10, average_period=2)
    return tfa.optimizers.MovingAverage(adam, average_decay=0.9)


@pytest.fixture(scope="module", params=["AdamW", "SWA", "MovingAverage"])
def trained(request, tmp_path_factory, artifacts, exported):
    """A model after training, and what it was; its φ folder is gone."""
    path = tmp_path_factory.mktemp("phi") / "phi"
    shutil.copytree(artifacts / "shipped", path)
    tf.keras.utils.set_random_seed(0)
    model = small_models.make_model(path)
    small_models.compile_model(model, make_optimizer(request.param))
    images, labels = small_models.make_images()
    names = list(exported["numbers"]["shipped"])
    before = small_models.phi_values(model, names)
    history = model.fit(images, labels, 16, EPOCHS, verbose=0).history
    shutil.rmtree(path)
    return {"model": model, "history": history, "phi_before": before}


class TrainingTest:
    def test_loss_falls_on_a_learnable_problem(self, trained):
        losses = trained["history"]["loss"]
        assert losses[-1] < 0.5 * losses[0]
        assert trained["history"]["accuracy"][-1] > 0.8

    def test_phi_keeps_its_82_numbers(self, trained, exported):
        before = trained["phi_before"]
        after = small_models.phi_values(trained["model"], list(before))
        numbers = exported["numbers"]["shipped"]
        assert sum(array.size for array in after.values()) == 82
        for name, array in before.items():
            np.testing.assert_array_equal(after[name], array)
            np.testing.assert_allclose(array, numbers[name], rtol=1e-6)

    def test_positions_keep_statistics_of_their_own(self, trained):
        first, second = (
            trained["model"].get_layer(f"position_{index}")
            for index in range(2)
        )
        assert first.moving_mean.shape == (6, 4)
        assert second.moving_mean.shape == (8, 4)
        for layer in (first, second):
            assert np.all(layer.moving_mean != 0)
            assert np.all(layer.moving_variance != 1)
            assert layer.calls == 3 * EPOCHS

    def test_averaged_weights_still_classify(self, trained):
        model = tf.keras.models.clone_model(trained["model"])
        model.set_weights(trained["model"].get_weights())
        small_models.compile_model(model, "sgd")
        optimizer = trained["model"].optimizer
        if hasattr(optimizer, "assign_average_vars"):
            averages = [
                optimizer.get_slot(variable, "average").numpy()
                for variable in trained["model"].trainable_variables
            ]
            for variable, value in zip(model.trainable_variables, averages):
                assert np.any(variable.numpy() != value)
                variable.assign(value)
        images, labels = small_models.make_images()
        for _ in range(10):  # the statistics have to follow the weights
            model(images, training=True)
        assert model.evaluate(images, labels, verbose=0)[1] > 0.8


class SavingTest:
    """The folder of φ is gone by now."""

    @pytest.mark.parametrize("name", ["model.keras", "model", "model.h5"])
    def test_loaded_model_predicts_the_same(self, trained, name, tmp_path):
        model, (images, _) = trained["model"], small_models.make_images()
        path = str(tmp_path / name)
        model.save(path)
        expected = small_models.repeatable_predictions(model, images)
        loaded = tf.keras.models.load_model(path)
        actual = small_models.repeatable_predictions(loaded, images)
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)

    def test_loaded_model_trains_on(self, trained, tmp_path):
        path = str(tmp_path / "model.keras")
        trained["model"].save(path)
        loaded = tf.keras.models.load_model(path)
        assert isinstance(loaded.optimizer, type(trained["model"].optimizer))
        images, labels = small_models.make_images()
        losses = loaded.fit(images, labels, 16, 2, verbose=0).history["loss"]
        assert losses[-1] < 0.5 * trained["history"]["loss"][0]

    def test_copy_moves_nothing_of_the_original(self, trained):
        model, (images, _) = trained["model"], small_models.make_images()
        clone = tf.keras.models.clone_model(model)
        before = model.get_layer("position_0").moving_mean.numpy()
        clone(images, training=True)
        after = model.get_layer("position_0").moving_mean.numpy()
        np.testing.assert_array_equal(after, before)

    def test_saved_model_needs_no_python_of_ours(self, trained, tmp_path):
        images, _ = small_models.make_images()
        trained["model"].save(str(tmp_path / "model"))
        served = tf.saved_model.load(str(tmp_path / "model"))
        outputs = served.signatures["serving_default"](tf.constant(images))
        (logits,) = outputs.values()
        assert logits.shape == (len(images), small_models.CLASSES)
        assert np.all(np.isfinite(logits))
