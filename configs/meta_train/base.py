"""What all meta-training configs share.

The authors' code made the published φ: 750 steps at a constant rate, 5 groups
of classes x 2 (the two halves of a group swap roles), no annealing. The paper
says 10,000 steps with lr x 0.3 at 4k, 7k and 9k.
"""

import ml_collections


def make_config(network, smoke):
    """Returns the config that the files beside this one complete.

    Args:
        network: Str, a name of pipeline/trainings/networks.py.
        smoke: Bool: shrink everything to seconds on a CPU.
    """
    config = ml_collections.ConfigDict()
    config.network = network
    config.network_options = ml_collections.ConfigDict()
    config.image_size = 32
    config.seed = 0
    config.replicas = 1  # devices that share the tasks; φ alone is exchanged

    # Table 3: the variant of φ and its places, both kept in target training.
    config.phi_options = ml_collections.ConfigDict()
    config.phi_options.use_scale = True
    config.phi_options.use_noise = True
    config.phi_options.noise_per = "element"  # or channel
    config.phi_options.all_branch = "mean"  # sum in the paper's text
    config.phi_stddev = 0.01  # of φ's numbers at the start
    config.positions = "all"  # before_pooling, top, bottom
    config.noise_ramp = 0.0  # part of all steps, or of a life; 0: none
    config.c_max = 1.0  # the largest noise coefficient

    config.tasks = 10
    config.task_split = "swapped_halves"  # class_wise, homogeneous
    config.classes_per_task = 0  # 0: all that there are
    # Of each class of a task, the others being held out; 0: half of them.
    config.train_examples = 0
    # Steps after which a task starts anew, each at another step; 0: never.
    config.restart_every = 0
    config.steps = 750
    config.batch_size = 128
    config.learning_rate = 1e-3
    config.learning_rate_drops = ()  # (0.4, 0.7, 0.9) in the paper
    config.learning_rate_factor = 0.3  # at each drop
    config.l2 = 5e-4
    # φ's own; as the tasks', unless given.
    config.phi_learning_rate = config.get_oneway_ref("learning_rate")
    config.phi_l2 = config.get_oneway_ref("l2")

    config.log_every = 10  # steps
    config.checkpoint_every = 50  # steps

    config.data = ml_collections.ConfigDict()
    config.data.source = ""
    config.data.terms = ""  # of the source, for the card of φ
    config.data.manual_dir = ""  # where TFDS finds what it cannot download
    # Names, or numbers from 0 in the order of the names; none: all classes.
    config.data.classes = ()
    config.data.examples_per_class = 0  # 0: all
    # What is larger is read from disk while it trains, where it is shards;
    # else it is read into memory with a warning.
    config.data.memory_gib = 4.0
    config.data.cache_gib = 100.0  # of shards in an object store, copied here
    config.data.seed = 0

    if smoke:
        config.image_size = 16
        config.tasks = 2
        config.steps = 4
        config.batch_size = 4
        config.log_every = 2
        config.checkpoint_every = 2
    return config
