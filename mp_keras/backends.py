"""Which parts of the library need TensorFlow, and which run on any backend.

Layers, networks, baselines and evaluation run wherever Keras does. Tapes,
`tf.data`, `tf.distribute` and SavedModels are TensorFlow's: what is made of
them says so on another backend.
"""

_BACKENDS = ("tensorflow", "jax", "torch")

try:
    import keras
except ModuleNotFoundError as missing:
    if missing.name not in _BACKENDS:
        raise
    raise ImportError(
        "mp_keras needs Keras and one of its backends: pip install "
        '"mp-keras[tensorflow]"; or "mp-keras[jax]" or "mp-keras[torch]", and '
        "the environment variable KERAS_BACKEND set to jax or torch. "
        f"Received: an environment without {missing.name}"
    ) from missing


def is_tensorflow():
    """Returns whether Keras runs on TensorFlow."""
    return keras.backend.backend() == "tensorflow"


def is_tensorflow_cpu():
    """Returns whether what is computed here runs on TensorFlow and a CPU."""
    if not is_tensorflow():
        return False
    import tensorflow as tf

    # Within a graph it is empty where the program names no device; then
    # TensorFlow takes a GPU, if there is one.
    device = tf.DeviceSpec.from_string(tf.zeros(()).device).device_type
    return device == "CPU" or (
        device is None and not tf.config.list_logical_devices("GPU")
    )


def require_tensorflow(feature):
    """Does nothing where Keras runs on TensorFlow.

    Args:
        feature: Str, named in the error.

    Raises: ImportError, on any other backend; says how to come by it.
    """
    if not is_tensorflow():
        raise ImportError(
            f"{feature} needs Keras on TensorFlow: pip install "
            '"mp-keras[tensorflow]", and KERAS_BACKEND=tensorflow in the '
            "environment before Keras is imported. "
            f"Received: backend {keras.backend.backend()!r}"
        )
