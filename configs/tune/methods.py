r"""Which method is better here? Compares six on your images, keeps the best.

    python -m tools.tune --config=configs/tune/methods.py:resnet20 \
        --config.target.data.source=folder:my_images --workdir=runs/my_images

The argument is NETWORK[,smoke]. Each method gets the same part of
`--config.target.minutes=`, in which batch, steps and size follow the data
(configs/target/own_images.py); validation images decide. Afterwards the workdir
is that of the best method's run, as `tools.train_target` leaves it.
"""

import ml_collections

from configs.target import own_images


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    config = ml_collections.ConfigDict()
    config.target = own_images.get_config(argument)
    # As `method` of configs/target/default.py; the first is compared with.
    config.methods = (
        "base",
        "meta_perturb",
        "mixup",
        "manifold_mixup",
        "meta_perturb+manifold_mixup",
        "channel_noise+manifold_mixup",
    )
    config.source = ""  # folder of a finished run, to be fine-tuned too
    config.objective = "negative_log_likelihood"  # or accuracy, ...
    return config
