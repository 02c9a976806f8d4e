"""Which weights a pretrained network begins with, as a digest of their file."""

import hashlib

from mp_keras import given_files
from pipeline.trainings import config_names


def digest_of(config):
    """Returns what stands for the weights that a target training begins with.

    Args:
        config: Config of `configs/target/`.

    Returns: the SHA-256 of the file, in hexadecimal; "imagenet"; or None, if
        all weights are random.
    Raises: FileNotFoundError, ValueError, if there is no file, or it is none
        of a sensible size.
    """
    if not config_names.is_pretrained(config):
        return None
    config_names.check_target_network(config)
    place = config.pretrained.weights
    if place == config_names.IMAGENET:
        return place
    given_files.check(place, given_files.DATA_BYTES)
    with open(place, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
