"""The newest whole version of a classifier, loaded.

The Pusher writes `<folder>/<version>/saved_model.pb` and renames a version into
its place when it is whole. The trap: others copy versions file by file. What
does not load is left alone until one of its files changes, and the version
before it keeps being served.
"""

import pathlib
import threading

import tensorflow as tf
from absl import logging
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import saved_model_pb2

from mp_keras import files
from mp_keras.export import saved_graph
from pipeline.trainings import classifier_evaluation

_VARIABLES = "variables/variables.index"
_LOOK_S = 0.5  # between two looks for a newer version


class ServedModel:
    """Loads the newest version of a model, and newer ones as they come.

    Newer ones are looked for and made ready in a thread; the one before is
    served until then.

    Args:
        folder: Path-like, of versions, each a folder whose name is a number;
            or of one SavedModel, which is then version 1.

    Raises: FileNotFoundError, if there is no version; ValueError, if none
        loads.
    """

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._version = None
        self._refused = {}  # {number: its files when it did not load}
        candidates = self._candidates()
        if not candidates:
            raise FileNotFoundError(
                f"Folder {folder} must hold a SavedModel, or versions of one "
                "in folders 1, 2, ... Received: neither"
            )
        self._look()
        if self._version is None:
            raise ValueError(
                f"Folder {folder} must hold a version that loads. Received: "
                f"versions {sorted(candidates)}, of which none does"
            )
        self._is_closed = threading.Event()
        threading.Thread(target=self._keep_looking, daemon=True).start()

    def newest(self):
        """Returns the newest `Version` that has been loaded."""
        return self._version

    def close(self):
        """Looks for newer versions no longer."""
        self._is_closed.set()

    def _keep_looking(self):
        while not self._is_closed.wait(_LOOK_S):
            try:
                self._look()
            except Exception:  # a folder that cannot be read for a while
                logging.exception("folder %s cannot be read", self._folder)

    def _look(self):
        current = self._version.number if self._version else -1
        candidates = self._candidates()
        for number in sorted(candidates, reverse=True):
            if number <= current:
                break
            if self._load(number, candidates[number]):
                break

    def _candidates(self):
        """Returns {number: folder} of what may be a version."""
        if (self._folder / files.SAVED_MODEL).is_file():
            return {1: self._folder}
        if not self._folder.is_dir():
            return {}
        return {
            int(entry.name): entry
            for entry in self._folder.iterdir()
            if entry.name.isdecimal()
            and (entry / files.SAVED_MODEL).is_file()
            and (entry / _VARIABLES).is_file()
        }

    def _load(self, number, folder):
        state = None
        try:
            state = files.file_stamps(folder)
            if self._refused.get(number) == state:
                return False
            version = Version(number, folder)
            version.warm_up()
            self._version = version
        # Or it changed meanwhile, or does not compute.
        except (ValueError, OSError, tf.errors.OpError) as error:
            logging.warning("version %d is left alone: %s", number, error)
            self._refused[number] = state
            return False
        logging.info("serving version %d", number)
        return True


class Version:
    """One loaded version.

    Args:
        number: Int.
        folder: Path of the SavedModel.

    Attributes: `number`; `signatures`, dict from name to function;
        `metadata`, the signatures as TensorFlow Serving describes them.
    Raises: ValueError, FileNotFoundError, if it is not a whole classifier, or
        one that does more than compute.
    """

    def __init__(self, number, folder):
        self.number = number
        saved_graph.check_graph(folder)  # for its own words
        # Signatures do not keep the variables of their model alive.
        self._classifier = classifier_evaluation.load_classifier(folder)
        self.signatures = dict(self._classifier.signatures)
        saved = saved_model_pb2.SavedModel.FromString(
            (folder / files.SAVED_MODEL).read_bytes()
        )
        definitions = saved.meta_graphs[0].signature_def
        self.metadata = {
            name: _describe(definitions[name]) for name in self.signatures
        }

    def warm_up(self):
        """Computes once, so that no request waits for TensorFlow's plans."""
        for name, signature in self.signatures.items():
            _, specs = signature.structured_input_signature
            signature(**{key: _example(spec) for key, spec in specs.items()})


def _example(spec):
    """Returns a tensor that fits a spec: black pixels, a file of one, a 1."""
    if spec.dtype == tf.string:
        return tf.io.encode_png(tf.zeros((1, 1, 3), tf.uint8))[tf.newaxis]
    return tf.ones([size or 1 for size in spec.shape], spec.dtype)


def _describe(signature):
    return {
        "inputs": _describe_tensors(signature.inputs),
        "outputs": _describe_tensors(signature.outputs),
        "method_name": signature.method_name,
    }


def _describe_tensors(tensors):
    return {
        name: {
            "name": info.name,
            "dtype": types_pb2.DataType.Name(info.dtype),
            "tensor_shape": {
                "dim": [  # 64-bit integers are strings in JSON
                    {"size": str(dim.size), "name": dim.name}
                    for dim in info.tensor_shape.dim
                ],
                "unknown_rank": info.tensor_shape.unknown_rank,
            },
        }
        for name, info in tensors.items()
    }
