"""φ as a SavedModel: in our layers, in Keras, in plain TensorFlow."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import mp_keras
from mp_keras.perturbation import function
from mp_keras.perturbation import saved_model
from tests import plain_tensorflow
from tests import small_networks
from tests.perturbation import reference

CHANNEL_NORM, SPATIAL_NORM = 16, 8


@pytest.fixture(scope="module")
def phi():
    return small_networks.random_phi(4)


@pytest.fixture(scope="module")
def exported(phi, tmp_path_factory):
    """The folder of a saved φ; not to be changed."""
    path = tmp_path_factory.mktemp("exports") / "phi"
    mp_keras.save_perturbation(
        phi, path, CHANNEL_NORM, SPATIAL_NORM, {"source": "drawn", "seed": 4}
    )
    return path


@pytest.fixture
def copied(exported, tmp_path):
    """A copy of it that a test may damage."""
    path = tmp_path / "phi"
    for file in exported.rglob("*"):
        if file.is_file():
            copy = path / file.relative_to(exported)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return path


def assert_same_phi(actual, expected):
    assert actual.values().keys() == expected.values().keys()
    for name, array in expected.values().items():
        np.testing.assert_array_equal(actual.values()[name], array)


def stateless_noise(shape, seed):
    return tf.random.stateless_normal(shape, seed).numpy()


class RoundTripTest:
    def test_card_holds_norms_and_source(self, exported):
        assert mp_keras.load_card(exported) == {
            "channel_norm": 16,
            "spatial_norm": 8,
            "source": "drawn",
            "seed": 4,
        }

    def test_old_folder_is_replaced(self, copied):
        other = small_networks.random_phi(5)
        mp_keras.save_perturbation(other, copied)
        assert_same_phi(mp_keras.load_perturbation(copied), other)
        assert "source" not in mp_keras.load_card(copied)

    def test_failing_save_leaves_the_old_folder_whole(self, phi, copied):
        before = {f: f.read_bytes() for f in copied.rglob("*") if f.is_file()}
        other = small_networks.random_phi(5)
        with pytest.raises(TypeError, match="not JSON serializable"):
            mp_keras.save_perturbation(other, copied, card={"seed": object()})
        assert_same_phi(mp_keras.load_perturbation(copied), phi)
        after = {f: f.read_bytes() for f in copied.rglob("*") if f.is_file()}
        assert after == before
        assert list(copied.parent.iterdir()) == [copied]  # no leftovers


def tfsm_layer(path):
    return layers.TFSMLayer(
        str(path),
        call_endpoint="serve",
        call_training_endpoint="serve_training",
    )


def toy_problem():
    """Two classes: the bright half of the images is above or below."""
    labels = np.arange(32) % 2
    images = 0.3 * small_networks.draw_images(32, 8, 8, 3)
    for image, label in zip(images, labels):
        image[4 * label : 4 * label + 4] += 1
    return images, labels


class TfsmLayerTest:
    @pytest.fixture(scope="class")
    def trained(self, exported):
        """A Keras model around φ at 4 and 6 channels, before and after."""
        keras.utils.set_random_seed(0)
        shared = tfsm_layer(exported)
        inputs = features = keras.Input((8, 8, 3))
        for channels in (4, 6):
            features = layers.Conv2D(channels, 3, padding="same")(features)
            features = layers.ReLU()(shared(features))
        outputs = layers.Dense(2)(layers.Flatten()(features))
        model = keras.Model(inputs, outputs)
        model.compile(
            keras.optimizers.Adam(0.02),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        before = model.get_layer(index=2).get_weights()
        images, labels = toy_problem()
        history = model.fit(images, labels, 16, epochs=12, verbose=0)
        return model, before, history.history["loss"]

    def test_loss_falls(self, trained):
        _, _, losses = trained
        assert losses[-1] < 0.4 < 0.6 < losses[0]

    def test_phi_stays_while_the_network_trains(self, phi, trained):
        model, before, _ = trained
        after = model.get_layer(index=2).get_weights()
        numbers = [w for w in after if w.dtype == "float32"]
        assert sum(w.size for w in numbers) == 82
        for old, new in zip(before, after):
            if new.dtype == "float32":  # not the stream of the noise
                np.testing.assert_array_equal(new, old)
        assert sum(np.prod(v.shape) for v in model.trainable_variables) == (
            (27 + 1) * 4 + (36 + 1) * 6 + (384 + 1) * 2
        )

    def test_keras_file_keeps_the_answers(self, trained, tmp_path):
        model, _, _ = trained
        images, _ = toy_problem()
        model.save(tmp_path / "model.keras")
        with pytest.raises(ValueError, match="safe_mode"):
            keras.saving.load_model(tmp_path / "model.keras")
        loaded = keras.saving.load_model(
            tmp_path / "model.keras", safe_mode=False
        )
        np.testing.assert_allclose(
            loaded.predict(images, verbose=0),
            model.predict(images, verbose=0),
            rtol=1e-5,
            atol=1e-5,
        )

    def test_serving_form_equals_the_reference(self, phi, exported):
        """Norms of the export, batch statistics, coefficient 1, no clip."""
        features = 40 * small_networks.draw_images(3, 5, 4, 6)
        outputs = tfsm_layer(exported)(features, training=False)
        noise = stateless_noise(features.shape, (2020, 0))
        config = (CHANNEL_NORM, SPATIAL_NORM, 1.0)
        expected = reference.perturbed(phi.values(), features, noise, config)
        z = np.logaddexp(0, expected["noise_mean"] + noise)
        unclipped = features * expected["scale"] * z
        assert unclipped.max() > 100
        np.testing.assert_allclose(outputs, unclipped, rtol=1e-4, atol=1e-4)

    def test_training_form_draws_anew(self, exported):
        layer = tfsm_layer(exported)
        features = small_networks.draw_images(2, 5, 4, 6)
        first, second = (layer(features, training=True) for _ in "ab")
        assert np.mean(np.asarray(first) != np.asarray(second)) > 0.99


# Runs in a process of its own: saved model, arrays in, arrays out.
_PLAIN_TENSORFLOW = """
import numpy as np
import tensorflow as tf

arrays = dict(np.load(sys.argv[2]))
phi = tf.saved_model.load(sys.argv[1])
scalars = {
    "channel_norm": tf.constant(arrays["config"][0]),
    "spatial_norm": tf.constant(arrays["config"][1]),
    "noise_coefficient": tf.constant(arrays["config"][2]),
    "seed": tf.constant(arrays["seed"]),
}
features = tf.constant(arrays["features"])
with tf.GradientTape() as tape:
    tape.watch(features)
    train = phi.train(features=features, **scalars)
    loss = tf.reduce_sum(train["outputs"] * arrays["upstream"])
gradient = tape.gradient(loss, features)
statistics = {key: tf.constant(arrays[key]) for key in ("mean", "variance")}
test = phi.test(features=features, **statistics, **scalars)
signature = phi.signatures["test"](features=features, **statistics, **scalars)
np.savez(
    sys.argv[3],
    gradient=gradient,
    test=test["outputs"],
    test_signature=signature["outputs"],
    **train,
    **{f"serve_{i}": phi.serve(features) for i in range(2)},
    **{f"serve_training_{i}": phi.serve_training(features) for i in range(2)},
)
"""


class PlainTensorFlowTest:
    CONFIG = (12.0, 20.0, 0.7)
    SEED = (3, 8)

    @pytest.fixture(scope="class")
    def arrays(self):
        """Features at which the clip works, and all that goes with them."""
        rng = np.random.default_rng(2)
        return {
            "features": 30 * small_networks.draw_images(4, 6, 5, 7),
            "upstream": small_networks.draw_images(4, 6, 5, 7, seed=1),
            "config": np.array(self.CONFIG, "float32"),
            "seed": np.array(self.SEED, "int32"),
            "mean": rng.uniform(0, 1, (7, 4)).astype("float32"),
            "variance": rng.uniform(0, 1, (7, 4)).astype("float32"),
        }

    @pytest.fixture(scope="class")
    def outputs(self, exported, arrays, tmp_path_factory):
        """What a process that knows TensorFlow alone gets from φ."""
        folder = tmp_path_factory.mktemp("plain")
        np.savez(folder / "in.npz", **arrays)
        paths = [exported, folder / "in.npz", folder / "out.npz"]
        plain_tensorflow.run(_PLAIN_TENSORFLOW, *paths, cwd=folder)
        return dict(np.load(folder / "out.npz"))

    def expected(self, phi, arrays, **arguments):
        noise = stateless_noise(arrays["features"].shape, self.SEED)
        return reference.perturbed(
            phi.values(), arrays["features"], noise, self.CONFIG, **arguments
        )

    def test_train_equals_the_reference(self, phi, arrays, outputs):
        expected = self.expected(phi, arrays, upstream=arrays["upstream"])
        assert expected["output"].max() == 100  # clipped
        vectors = expected["channel_features"]
        for ours, theirs in (
            (outputs["outputs"], expected["output"]),
            (outputs["mean"], vectors.mean(0)),
            (outputs["variance"], vectors.var(0, ddof=1)),
            (outputs["gradient"], expected["grad_inputs"]),
        ):
            tolerance = 1e-5 * np.abs(theirs).max()
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)

    @pytest.mark.parametrize("endpoint", ["test", "test_signature"])
    def test_test_equals_the_reference(self, phi, arrays, outputs, endpoint):
        statistics = arrays["mean"], arrays["variance"]
        expected = self.expected(phi, arrays, statistics=statistics)["output"]
        assert expected.max() > 100
        np.testing.assert_allclose(
            outputs[endpoint], expected, rtol=1e-4, atol=1e-3
        )

    def test_serve_repeats_and_serve_training_does_not(self, outputs):
        np.testing.assert_array_equal(outputs["serve_0"], outputs["serve_1"])
        first, second = outputs["serve_training_0"], outputs["serve_training_1"]
        assert np.mean(first != second) > 0.9  # some are clipped to 100


class ShippedTest:
    @pytest.fixture(autouse=True)
    def shipped(self, monkeypatch, tmp_path, phi):
        """Our package ships one φ, `letters`, for the length of a test."""
        weights = {name: a.tolist() for name, a in phi.values().items()}
        content = {
            "card": {"source": "letters"},
            "variant": {"use_noise": False},
            "weights": weights,
        }
        (tmp_path / "letters.json").write_text(json.dumps(content))
        monkeypatch.setattr(saved_model, "PRETRAINED", tmp_path)

    def test_is_found_by_its_name(self, phi):
        loaded = mp_keras.load_perturbation("letters")
        assert_same_phi(loaded, phi)
        assert not loaded.use_noise
        assert mp_keras.load_card("letters") == {"source": "letters"}

    @pytest.mark.parametrize(
        "load", [mp_keras.load_perturbation, mp_keras.load_card]
    )
    def test_misspelt_name_is_corrected(self, load):
        with pytest.raises(FileNotFoundError, match="Did you mean 'letters'?"):
            load("leters")

    def test_home_folder_is_meant_by_a_tilde(self, copied, monkeypatch):
        monkeypatch.setenv("HOME", str(copied.parent))
        found = mp_keras.load_perturbation(f"~/{copied.name}").values()
        for name, array in mp_keras.load_perturbation(copied).values().items():
            np.testing.assert_array_equal(found[name], array)

    def test_missing_path_lists_the_names(self, tmp_path):
        path = str(tmp_path / "none")
        with pytest.raises(FileNotFoundError, match="one of .'letters'.*none"):
            mp_keras.load_perturbation(path)


class DamageTest:
    def test_file_instead_of_a_folder(self, tmp_path):
        path = tmp_path / "phi.pth"
        path.write_bytes(b"something")
        with pytest.raises(ValueError, match="phi.pth must be a SavedModel"):
            mp_keras.load_perturbation(path)

    def test_another_saved_model(self, tmp_path):
        module = tf.Module()
        module.weight = tf.Variable([1.0])
        tf.saved_model.save(module, str(tmp_path / "other"))
        with pytest.raises(ValueError, match="other must be a SavedModel"):
            mp_keras.load_perturbation(tmp_path / "other")

    @pytest.mark.parametrize("number", [np.nan, np.inf])
    def test_number_that_is_not_finite(self, monkeypatch, tmp_path, number):
        phi = small_networks.random_phi()
        phi.scale_head.assign([0.0] * 9 + [number])
        with pytest.raises(ValueError, match="`scale_head` must be finite"):
            mp_keras.save_perturbation(phi, tmp_path / "phi")
        assert not (tmp_path / "phi").exists()
        with monkeypatch.context() as unchecked:
            unchecked.setattr(function, "check_values", lambda values: values)
            mp_keras.save_perturbation(phi, tmp_path / "phi")
        with pytest.raises(ValueError, match="`scale_head` must be finite"):
            mp_keras.load_perturbation(tmp_path / "phi")

    def test_somebodys_folder_is_not_replaced(self, tmp_path):
        phi = small_networks.random_phi()
        plain_tensorflow.assert_somebodys_folder_is_not_replaced(
            lambda path: mp_keras.save_perturbation(phi, path), tmp_path
        )
