"""The runs that are killed, as small as they can be; imported by the server."""

import os
import resource
import time

import tensorflow as tf

from pipeline import fingerprints
from pipeline.trainings import few_shot_training
from pipeline.trainings import meta_training
from pipeline.trainings import target_training
from tests.pipeline import smoke


def prepare():
    """Sets up an attempt's process; the tests' own stays as it is."""
    tf.config.run_functions_eagerly(True)
    # The code may be edited while its runs are killed.
    fingerprints.software_fingerprint = lambda: "this software"


def meta_train(root, source):
    """Five steps of two tasks, checkpoints after 2, 4 and 5."""
    prepare()
    meta_training.meta_train(meta_config(source), root)


def train_target(root, source, phi):
    """Five steps, checkpoints after 2, 4 and 5."""
    prepare()
    target_training.train_target(target_config(source, phi), root)


def few_shot_train(root, source):
    """Five steps, checkpoints after 2, 4 and 5."""
    prepare()
    few_shot_training.few_shot_train(few_shot_config(source), root)


def train_with_small_files(root, size, train, *arguments):
    """The same where no file may have more than `size` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    output = os.dup(1), os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):  # what is printed goes to a file as well
        os.dup2(nothing, number)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        train(root, *arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        for number, kept in enumerate(output, 1):
            os.dup2(kept, number)


def train_in_the_past(root, seconds, train, *arguments):
    """The same with the clock moved back."""
    now = time.time
    time.time = lambda: now() - seconds
    train(root, *arguments)


def meta_config(source):
    return smoke.meta_config(
        source, log_every=1, steps=5, network_options__channels=2
    )


def target_config(source, phi):
    return smoke.target_config(
        source,
        log_every=1,
        steps=5,
        network_options__channels=2,
        phi=phi,
    )


def few_shot_config(source):
    return smoke.few_shot_config(
        source,
        export=True,
        inner_steps=1,
        channels=2,
        log_every=1,
        steps=5,
        validation_episodes=0,
        test_episodes=1,
    )
