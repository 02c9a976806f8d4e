import numpy as np
import pytest
import tensorflow as tf

from pipeline.datasets import augmentation


def _images(batch=64, side=6):
    generator = np.random.default_rng(0)
    return generator.integers(1, 256, (batch, side, side, 3), dtype=np.uint8)


def _seeds(batch=64):
    return np.stack([np.full(batch, 3), np.arange(batch)], axis=1)


def _all_crops(image, padding):
    """Every crop and mirrored crop of one image, by plain slicing."""
    side = image.shape[0]
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    for top in range(2 * padding + 1):
        for left in range(2 * padding + 1):
            crop = padded[top : top + side, left : left + side]
            yield (top, left, 0), crop
            yield (top, left, 1), crop[:, ::-1]


class CropAndFlipTest:
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32])
    def test_result_is_a_crop_of_the_padded_image(self, dtype):
        images = _images().astype(dtype)
        cropped = augmentation.crop_and_flip(images, _seeds(), 2).numpy()
        assert cropped.dtype == dtype
        seen = set()
        for image, crop in zip(images, cropped):
            found = [k for k, c in _all_crops(image, 2) if (c == crop).all()]
            assert len(found) == 1
            seen.add(found[0])
        assert len(seen) > 30  # of 50 possible, from 64 draws
        assert {top for top, _, _ in seen} == set(range(5))
        assert {left for _, left, _ in seen} == set(range(5))

    def test_half_of_the_images_are_flipped(self):
        image = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
        images = np.repeat(image, 1000, axis=0)
        same = augmentation.crop_and_flip(images, _seeds(1000), 0).numpy()
        flips = (same[:, 0, 0, 0] == 3).sum()
        assert 400 < flips < 600

    def test_example_depends_on_its_own_seed_only(self):
        images, seeds = _images(), _seeds()
        whole = augmentation.crop_and_flip(images, seeds, 2)
        order = np.random.default_rng(1).permutation(64)[:20]
        part = augmentation.crop_and_flip(images[order], seeds[order], 2)
        np.testing.assert_array_equal(part, whole.numpy()[order])

    def test_both_numbers_of_the_seed_matter(self):
        images = np.repeat(_images(1), 64, axis=0)
        first = augmentation.crop_and_flip(images, _seeds(), 2).numpy()
        second = augmentation.crop_and_flip(images, _seeds()[:, ::-1], 2)
        assert (first != first[:1]).any()
        assert (first != second.numpy()).any()

    def test_tf_data_and_eager_agree(self):
        images, seeds = _images(), _seeds()
        dataset = tf.data.Dataset.from_tensors((images, seeds))
        (mapped,) = dataset.map(augmentation.crop_and_flip)
        eager = augmentation.crop_and_flip(images, seeds)
        np.testing.assert_array_equal(mapped, eager)

    def test_default_padding_depends_on_height(self):
        sizes = (16, 28, 32, 64, 84)
        pads = [augmentation.default_padding(size) for size in sizes]
        assert pads == [2, 3, 4, 8, 8]

    def test_wide_images_keep_their_shape(self):
        images = np.ones((2, 5, 9, 1), np.uint8)
        assert augmentation.crop_and_flip(images, _seeds(2)).shape == (
            images.shape
        )

    def test_wrong_arguments_raise(self):
        with pytest.raises(ValueError, match="`seeds` must be integers"):
            augmentation.crop_and_flip(_images(), np.zeros((64, 2)), 2)
        with pytest.raises(ValueError, match=r"shape \(64, 3\)"):
            augmentation.crop_and_flip(_images(), np.zeros((64, 3), int), 2)
        with pytest.raises(ValueError, match="`images` must be"):
            augmentation.crop_and_flip(_images()[0], _seeds())
        with pytest.raises(ValueError, match="Received: padding=-1"):
            augmentation.crop_and_flip(_images(), _seeds(), -1)


def test_without_flip_only_crops():
    images = np.arange(1, 4 * 8 * 8 + 1, dtype=np.uint8).reshape(4, 8, 8, 1)
    seeds = np.stack([np.zeros(4, np.int64), np.arange(4)], 1)
    still = augmentation.crop_and_flip(images, seeds, padding=0, flip=False)
    np.testing.assert_array_equal(still, images)
    mirrored = augmentation.crop_and_flip(images, seeds, padding=0)
    assert np.any(np.asarray(mirrored) != images)
