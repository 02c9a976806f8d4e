r"""Meta-trains φ on small tasks of different ages, which overfit.

    python -m tools.meta_train \
        --config=configs/meta_train/small_tasks.py:resnet20 \
        --config.data.manual_dir=FOLDER --workdir=runs/small_tasks

For the question whether φ's gradient teaches it to regularize: a task has 10
classes of Tiny ImageNet x 50 training images, its held-out loss comes from 100
others, and it starts anew every 1,500 steps, so that φ sees networks that
overfit beside such that have just begun. φ sees none of the 80 classes by
which configs/experiments/small_tasks*.py choose and judge. φ has a rate of its
own, no L2, and starts ten times wider than in tiny_imagenet.py;
small_tasks_narrow.py starts as there. The twin for accelerators, in JAX, is
configs/studies/gradients.py, carried out by
pipeline/many_runs/meta_gradients.py. There φ's rate falls to 0 over all steps,
and a task's drops as in a target training, over its life; a task trains on 40
images of a class and all its others are held out; tasks share classes; and
each first life begins as old as its first restart asks.
"""

from configs import arguments
from configs import class_cuts
from configs.meta_train import base


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    network, smoke = arguments.parse(argument)
    config = base.make_config(network, smoke)
    config.task_split = "class_wise"
    config.noise_ramp = 0.4
    config.phi_learning_rate = 3e-3
    config.phi_l2 = 0.0
    config.phi_stddev = 0.1
    config.classes_per_task = 10
    config.train_examples = 50
    config.restart_every = 1_500
    config.data.source = "tfds:tiny_imagenet"
    config.data.terms = (
        "ImageNet's terms: non-commercial research and education only"
    )
    config.data.examples_per_class = 150
    # Those that no task of configs/experiments/small_tasks*.py has.
    config.data.classes = sum(class_cuts.task_classes(200, 8, 12), ())
    if smoke:
        config.classes_per_task = 2
        config.train_examples = 2
        config.restart_every = 2
        config.data.examples_per_class = 0
        config.data.classes = ()
        return config
    config.steps = 6_000
    config.batch_size = 64
    return config
