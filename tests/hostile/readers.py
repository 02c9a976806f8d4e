"""The product's readers of files, each by a function of one folder.

A reader returns something that pickles and compares, and fails an assertion
where the product returned what is no valid result.
"""

import hashlib

import numpy as np
import tensorflow as tf

import mp_keras
from mp_keras import checkpointing
from mp_keras.export import saved_graph
from pipeline.datasets import file_archive
from pipeline.datasets import image_files
from pipeline.datasets.builders import jpeg_images
from pipeline.datasets.builders import manual_files
from pipeline.datasets.few_shot import loading as few_shot_sources
from pipeline.datasets.sources import loading
from pipeline.runs import run_folder
from pipeline.trainings import classifier_evaluation
from pipeline.trainings import methods

IMAGE_SIZE = 8
CONFIG = {"steps": 10, "data": {"source": "tfds:digits"}}


def warm_up():
    """Starts TensorFlow, so that its own memory is not a file's."""
    tf.image.resize(tf.zeros((1, 4, 4, 3)), (2, 2), antialias=True)
    tf.data.Dataset.range(2).batch(2).get_single_element()


def phi(folder):
    """A SavedModel of φ, its archive and its card."""
    card = mp_keras.load_card(folder / "phi")
    assert isinstance(card, dict)
    return _phi(mp_keras.load_perturbation(folder / "phi")), card


def phi_numbers(folder):
    """A SavedModel of φ alone."""
    return _phi(mp_keras.load_perturbation(folder / "phi"))


def torch_phi(folder):
    """A PyTorch state dict."""
    return _phi(mp_keras.import_torch_perturbation(folder / "phi.pth"))


def network(folder):
    """A `model.keras`."""
    loaded = methods.load_network(folder / "model.keras")
    images = np.zeros((1, *loaded.input_shape[1:]), np.float32)
    return [_digest(weight) for weight in loaded.get_weights()], _digest(
        loaded(images)
    )


def classifier(folder):
    """The SavedModel of a classifier."""
    saved_graph.check_graph(folder / "classifier")
    loaded = classifier_evaluation.load_classifier(folder / "classifier")
    images = np.zeros((2, *loaded.signatures["serve"].inputs[0].shape[1:]))
    probabilities = classifier_evaluation.predict(
        loaded, images.astype(np.uint8), 2
    )
    assert probabilities.ndim == 2 and len(probabilities) == 2
    return _digest(probabilities)


def checkpoint(folder):
    """A run's checkpoints, and the next one saved beside them."""
    variables = [tf.Variable(tf.zeros(16)), tf.Variable(0, dtype=tf.int64)]
    state = {"weights": variables[:1], "streams": variables[1:]}
    place = folder / "checkpoints"
    step = checkpointing.Checkpoints(place, state).restore()
    return step, [_digest(variable) for variable in variables]


def shards(folder):
    """A folder of TFRecord shards."""
    return _images(f"tfrecord:{folder / 'shards'}")


def npz(folder):
    """A data set in an npz file."""
    return _images(f"npz:{folder / 'images.npz'}")


def archive(folder):
    """All files of a zip file, by name."""
    opened = file_archive.FileArchive(folder / "some.zip")
    return {name: _digest(opened.read(name)) for name in opened.names}


def mini_imagenet(folder):
    """A zip file of miniImageNet."""
    data = few_shot_sources.load_class_images(
        "few_shot:mini_imagenet", image_size=8, channels=3, manual_dir=folder
    )
    return [part.digest() for part in (data.train, data.validation, data.test)]


def tar(folder):
    """Two files of a tar archive."""
    found = manual_files.read_files(folder / "some.tar.gz", ["a.txt", "b.txt"])
    return {name: _digest(content) for name, content in found}


def images(folder):
    """A folder of image files by class."""
    return _images(f"folder:{folder / 'images'}")


def picture(folder):
    """One image file of any kind."""
    pixels = image_files.decode(folder / "picture")
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3 and pixels.shape[2] == 3
    return pixels.shape, _digest(pixels)


def jpeg(folder):
    """One JPEG file on its way into TFDS."""
    place = folder / "picture"
    return _digest(jpeg_images.to_color(place, place.read_bytes()))


def run(folder):
    """The JSON files of a run's folder, on the way to go on with it."""
    place = folder / "run"
    opened = run_folder.RunFolder(place, CONFIG)
    result, seconds = opened.result(), opened.seconds()
    assert result is None or isinstance(result, dict)
    assert isinstance(seconds, float)
    opened.rewind(20)
    history = opened.history()
    assert all(isinstance(window["step"], int) for window in history)
    opened.release()
    return result, seconds, history


def _images(source):
    data = loading.load_images(source, image_size=IMAGE_SIZE)
    shape = (IMAGE_SIZE, IMAGE_SIZE, 3)
    assert data.train_images.shape[1:] == data.test_images.shape[1:] == shape
    assert data.train_labels.max() < len(data.class_names)
    return data.digest()


def _phi(loaded):
    values = loaded.values()
    for name, array in values.items():
        assert np.all(np.isfinite(array)), name
    return {name: _digest(v) for name, v in values.items()}, loaded.variant()


def _digest(value):
    content = value if isinstance(value, bytes) else np.asarray(value).tobytes()
    return hashlib.sha256(content).hexdigest()[:16]
