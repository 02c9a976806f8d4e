"""The version of the package, readable without TensorFlow."""

__version__ = "0.1.0"
