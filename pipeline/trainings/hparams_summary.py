"""What a run was asked for and what came out, for TensorBoard's HPARAMS page.

`tensorboard --logdir` on a folder with many runs, of a sweep, a search or a
table, then shows them as one table and as parallel coordinates.
"""

import tensorflow as tf
from tensorboard.plugins.hparams import api

from pipeline import intervals
from pipeline.trainings import config_names

_KEYS = (
    "method",
    "network",
    "image_size",
    "seed",
    "steps",
    "batch_size",
    "learning_rate",
    "l2",
)


def write(directory, config, result):
    """Adds one row to the HPARAMS page.

    Args:
        directory: Path-like, the run's folder of event files.
        config: Config of `configs/target/`.
        result: Dict that `result.json` will hold.
    """
    values = {key: config[key] for key in _KEYS}
    values["data"] = config.data.source
    values["examples_per_class"] = config.data.examples_per_class
    parts = config_names.parts(config.method)
    if "meta_perturb" in parts:
        values["phi"] = config.phi
    values["c_max"] = config.c_max
    # Each baseline has a section of its own, named like it.
    for part in parts:
        for key, value in config.get(part, {}).items():
            values[f"{part}.{key}"] = value
    writer = tf.summary.create_file_writer(str(directory))
    with writer.as_default(step=config.steps):
        api.hparams(values)
        for name in intervals.METRICS:
            tf.summary.scalar(f"result/{name}", result[name])
            if "validation" in result:
                tf.summary.scalar(
                    f"validation/{name}", result["validation"][name]
                )
    writer.close()
