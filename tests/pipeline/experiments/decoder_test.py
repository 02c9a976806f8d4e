"""The decoder learns to give images back."""

import numpy as np
import pytest

from mp_keras.few_shot import meta_dropout
from pipeline.experiments import decoder
from tests.few_shot import tasks

pytestmark = pytest.mark.usefixtures("eagerly")


def make_images(count=16):
    """White squares at places of their own."""
    rng = np.random.default_rng(0)
    images = np.zeros((count, *tasks.SHAPE), "float32")
    for image in images:
        row, column = rng.integers(0, 9, 2)
        image[row : row + 8, column : column + 8] = 1
    return images


class MakeDecoderTest:
    @pytest.mark.parametrize(
        ("features", "images"),
        [
            ((3, 3, 64), (28, 28, 1)),
            ((10, 10, 32), (84, 84, 3)),
            ((1, 1, 8), (28, 28, 1)),
            ((8, 8, 4), (16, 16, 1)),
        ],
    )
    def test_goes_from_features_to_images(self, features, images):
        model = decoder.make_decoder(features, images, filters=2)
        assert model.input_shape == (None, *features)
        assert model.output_shape == (None, *images)
        made = model(np.ones((1, *features), "float32")).numpy()
        assert 0 <= made.min() and made.max() <= 1

    def test_features_larger_than_images(self):
        with pytest.raises(ValueError, match="feature_shape=.32, 32, 4."):
            decoder.make_decoder((32, 32, 4), (16, 16, 1))


class TrainDecoderTest:
    def train(self, images, **options):
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        options = {"block": 0, "filters": 4, "batch_size": 8, **options}
        return decoder.train_decoder(
            learner.network, learner.values(), images, **options
        )

    def test_learns_the_images_from_unperturbed_features(self):
        images = make_images()
        learner = tasks.make_learner(meta_dropout.MetaDropout(), spread=0.5)
        errors = []
        for epochs in (1, 25):
            model = self.train(images, epochs=epochs, learning_rate=1e-2)
            features = decoder._unperturbed(
                learner.network, learner.values(), images, 0, 8
            )
            errors.append(np.abs(model.predict(features, verbose=0) - images))
        assert errors[1].mean() < 0.5 * errors[0].mean()

    def test_seed_repeats_it(self):
        images = make_images(8)
        one, two, other = (
            self.train(images, epochs=1, seed=seed) for seed in (3, 3, 4)
        )
        for first, second, third in zip(
            one.get_weights(), two.get_weights(), other.get_weights()
        ):
            np.testing.assert_array_equal(first, second)
            assert not np.array_equal(first, third)

    @pytest.mark.parametrize(
        ("option", "value"), [("epochs", 0), ("batch_size", 0), ("block", 4)]
    )
    def test_wrong_arguments(self, option, value):
        with pytest.raises(ValueError, match=f"`{option}`.*{option}={value}"):
            self.train(make_images(2), **{option: value})
