r"""Trains one classifier on a target data set, with φ or without.

    python -m tools.train_target --config=configs/target/default.py:resnet20 \
        --config.data.source=paper:stl10 --workdir=runs/stl10

MetaPerturb, appendix C.4, and the authors' code: Adam 1e-3 with coupled L2
5e-4, batch 128, 10,000 steps, rate x 0.3 after 40, 70 and 90 % of them, noise
faded in over the first 40 %. Ours: a fifth of the images is held out, and a
temperature fitted on it. Plain ResNet20 at 32 pixels needs about 0.2 s a
step on two CPU cores, with φ about twice that.
"""

import ml_collections

from configs import arguments


def get_config(argument=""):
    """Returns the config. `argument`: NETWORK[,smoke], default resnet20."""
    network, smoke = arguments.parse(argument)
    config = ml_collections.ConfigDict()
    # base, meta_perturb, fresh_phi, channel_noise, mean_preserving_noise,
    # information_dropout, drop_block, monte_carlo_dropout, manifold_mixup,
    # mixup, adversarial_training, deep_ensemble; or LAYER+WRAPPER, as
    # channel_noise+manifold_mixup; auto: the best of six on validation data.
    config.method = "meta_perturb"
    # A path, or a φ that we ship: tiny_imagenet_resnet20, glyphs_conv4,
    # glyphs_conv4_channels.
    config.phi = "tiny_imagenet_resnet20"
    # conv4, vgg9, resnet20, wrn_28_2, ...; of keras.applications:
    # ConvNeXtTiny, EfficientNetB0, MobileNetV3Small, ResNet50V2.
    config.network = network
    config.network_options = ml_collections.ConfigDict()  # its arguments
    config.positions = "all"  # of φ: before_pooling, top, bottom
    # Height and width in pixels; 0: from the data, 32, 64 or 96.
    config.image_size = 32
    config.seed = 0  # of weights, batches and noise

    config.steps = 10_000  # of training, a batch each; 0: from the data
    config.batch_size = 128  # images, of those to train on; 0: from the data
    config.minutes = 30.0  # that what is 0 above may take on this machine
    config.learning_rate = 1e-3  # of Adam
    config.learning_rate_drops = (0.4, 0.7, 0.9)  # parts of all steps
    config.learning_rate_factor = 0.3  # at each drop
    config.l2 = 5e-4  # added to the gradient, of every weight
    config.noise_ramp = 0.4  # part of all steps
    config.c_max = 1.0  # the largest noise coefficient; less: weaker noise
    config.samples = 30  # Monte Carlo; 100 in the paper's tables
    config.temperature = 0.0  # of the logits; 0: fitted on validation images
    config.export = True  # report.html and SavedModel, beside model.keras

    # The form without noise, `deterministic.keras`, is learned from these.
    config.deterministic = ml_collections.ConfigDict()
    config.deterministic.samples = 2  # of the noise, for each mixture
    config.deterministic.mixtures = 10_000  # of training images; 0: none

    config.log_every = 50  # steps between two lines
    config.checkpoint_every = 250  # steps between two checkpoints
    config.early_stopping = ml_collections.ConfigDict()
    # Checkpoints without a better validation likelihood, once the noise is all
    # there, after which a run stops and goes back to the best; 0: all steps.
    config.early_stopping.patience = 0
    config.track_test = False  # at each checkpoint; for curves, not choices
    config.tracking_samples = 5  # Monte Carlo, of those curves

    config.fine_tuning = ml_collections.ConfigDict()
    config.fine_tuning.source = ""  # folder of a finished run; "": none
    # Layers that start anew, by a part of their names.
    config.fine_tuning.exclude = ("batch_norm", "classifier")

    config.pretrained = ml_collections.ConfigDict()  # keras.applications
    # imagenet, which Keras downloads; a file, .weights.h5, .h5 or .keras; "":
    # random ones, and a training like that of any network.
    config.pretrained.weights = "imagenet"
    # Part of all steps in which the last layer is trained alone.
    config.pretrained.head_share = 0.3
    # Learning rate of all layers after that; `learning_rate` before.
    config.pretrained.rate = 1e-4

    _add_baselines(config)

    config.data = ml_collections.ConfigDict()
    # folder:PATH, zip:FILE, csv:FILE, npz:PATH, tfds:NAME, paper:NAME,
    # subset:NAME, tfrecord:PATH
    config.data.source = "tfds:digits"
    config.data.manual_dir = ""  # where TFDS finds what it cannot download
    config.data.test_fraction = 0.2  # of a folder without train/ and test/
    # Names, or numbers from 0 in the order of the names; none: all classes.
    config.data.classes = ()
    config.data.examples_per_class = 0  # to train and to validate; 0: all
    # Draw these by `data.seed` from all images, and test on all others.
    config.data.pooled = False
    config.data.validation_fraction = 0.2  # of these; 0: none
    # Whether test images that are training images, to the byte, stay.
    config.data.keep_repeated = False
    config.data.balanced = False  # every class is seen as often as the largest
    config.data.augment = True  # zero-padded random crops, flips
    config.data.flip = True  # off where mirror images mean something else
    # What is larger is read from disk while it trains, where it is shards;
    # else it is read into memory with a warning.
    config.data.memory_gib = 4.0
    config.data.cache_gib = 100.0  # of shards in an object store, copied here
    config.data.seed = 0  # decides which image is in which part

    if smoke:
        config.adversarial_training.steps = 2
        config.deep_ensemble.members = 2
        config.deterministic.samples = 2
        config.deterministic.mixtures = 0
        config.image_size = 16
        config.steps = 4
        config.batch_size = 8
        config.samples = 2
        config.log_every = 2
        config.checkpoint_every = 2
    return config


def _add_baselines(config):
    """Adds one section a baseline, with the values of its authors."""
    for name, values in {
        "information_dropout": {
            "beta": 1e-4,  # weight of the information term
            "max_alpha": 0.7,  # the most noise
            "noisy_in_test": False,  # whether predictions draw noise
        },
        "drop_block": {
            "rate": 0.1,  # share of a map that is dropped
            "block_size": 7,  # height and width of a block, in its pixels
            "ramp": 1.0,  # part of all steps over which the rate rises
        },
        "manifold_mixup": {"alpha": 2.0},  # of the Beta distribution
        "mixup": {"alpha": 0.2},  # of the Beta distribution
        "adversarial_training": {
            "norm": "linf",  # l2, l1
            "epsilon": 8 / 255,  # in units of pixels in [0, 1]
            "steps": 30,  # of the attack
        },
        "monte_carlo_dropout": {"rate": 0.1},  # share that is dropped
        "channel_noise": {"c_max": 0.5},  # in the place of the other `c_max`
        "deep_ensemble": {"members": 5},  # networks
    }.items():
        config[name] = ml_collections.ConfigDict(values)
