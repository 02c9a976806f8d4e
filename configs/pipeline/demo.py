r"""`make demo`: the whole path in minutes, on the bundled data sets.

    python -m tools.run_pipeline --config=configs/pipeline/demo.py \
        --workdir=demo

Meta-trains φ on rendered letters, then trains a small Conv4 on handwritten
digits in colours that say nothing: plain, with φ, with Manifold Mixup and with
both. Each seed draws its own ten images of each digit. Two slow CPU cores: 12
minutes.
"""

import ml_collections

from configs.meta_train import glyphs
from configs.pipeline import stages
from configs.target import default


def get_config(argument=""):
    """Returns the config. `argument`: "smoke" for seconds, or nothing."""
    smoke = argument == "smoke"
    suffix = ",smoke" if smoke else ""
    config = ml_collections.ConfigDict()
    config.name = "mp-keras-demo"
    config.methods = (
        "base",
        "meta_perturb",
        "manifold_mixup",
        "meta_perturb+manifold_mixup",
    )
    config.seeds = (0, 1, 2, 3)
    config.seeds_together = 2  # in one stage, one after the other
    config.tuner = stages.make_tuner(tasks=0)

    config.targets = ({"label": "digits"},)  # and keys of `target` to change
    config.parallel_targets = 0  # at a time, on a cluster; 0: all
    config.stages = stages.make_stages()
    config.beam_options = ()  # of Apache Beam, for ExampleGen; (): in memory

    config.source = glyphs.get_config(f"conv4{suffix}")
    config.target = default.get_config(f"conv4{suffix}")
    config.target.data.source = "tfds:colored_digits"
    config.target.data.validation_fraction = 0.5
    config.target.data.flip = False  # a mirrored 2 is no 2
    for part in (config.source, config.target):
        part.network_options.channels = 32
    if smoke:
        config.methods = config.methods[:2]
        config.seeds = (0,)
        return config

    # What a draw for each element does, pooling averages away.
    config.source.phi_options.noise_per = "channel"
    # Learning rate and crops were chosen on validation images of gray digits,
    # for the plain network and for φ alike.
    config.source.image_size = 16
    config.source.tasks = 4
    config.source.classes_per_task = 10
    config.source.steps = 300
    config.source.learning_rate = 5e-3
    config.source.log_every = 25
    config.target.image_size = 16
    config.target.steps = 600
    config.target.batch_size = 32
    config.target.samples = 10
    config.target.learning_rate = 5e-3
    config.target.log_every = 100
    config.target.checkpoint_every = 300
    config.target.deterministic.mixtures = 1000
    config.target.data.examples_per_class = 10  # half of them held out
    config.target.data.pooled = True  # tested on all others
    return config
