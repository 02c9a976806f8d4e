"""A data set made by the TensorFlow Datasets of this environment."""

import numpy as np
import small_models
import tensorflow as tf
import tensorflow_addons as tfa
import tensorflow_datasets as tfds


class BrightColours(tfds.core.GeneratorBasedBuilder):
    """The images of `small_models.make_images`, as bytes."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        shape = (small_models.SIZE, small_models.SIZE, 3)
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=shape),
                    "label": tfds.features.ClassLabel(
                        num_classes=small_models.CLASSES
                    ),
                }
            ),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        images, labels = small_models.make_images()
        pixels = np.clip(64 * images + 128, 0, 255).astype("uint8")
        for index, (image, label) in enumerate(zip(pixels, labels)):
            yield index, {"image": image, "label": label}


class DatasetTest:
    def test_prepared_data_trains_a_network_with_phi(self, artifacts, tmp_path):
        builder = BrightColours(data_dir=str(tmp_path))
        builder.download_and_prepare()
        assert builder.info.splits["train"].num_examples == 48
        data = (
            builder.as_dataset(split="train", as_supervised=True)
            .map(lambda x, y: (tf.cast(x, tf.float32) / 127.5 - 1, y))
            .shuffle(48, seed=0)
            .batch(16)
        )
        model = small_models.make_model(artifacts / "shipped")
        small_models.compile_model(
            model, tfa.optimizers.AdamW(weight_decay=1e-4, learning_rate=0.02)
        )
        losses = model.fit(data, epochs=12, verbose=0).history["loss"]
        assert losses[-1] < 0.5 * losses[0]
