"""Runs TensorFlow step by step, where a graph is not what is tested."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def eager_steps():
    """No graphs inside: to trace one takes longer than a few steps.

    For tests of what goes on around the steps; graphs are tested where the
    steps themselves are.
    """
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
