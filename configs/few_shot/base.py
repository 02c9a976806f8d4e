"""What all few-shot configs share (Lee et al., ICLR 2020, section 4).

The argument is a list of words, separated by commas, in any order:

    5way_1shot    the task: classes and support images of each
    maml, meta_sgd                              the algorithm; default maml
    meta_dropout, none, fixed_gaussian, ...     the perturbation of the inner
                                                steps; default meta_dropout
    authors       the values of the authors' code, where it differs from the
                  paper: meta-batches of 4 tasks of the same classes, 60,000
                  steps, 15 query images per class; on Omniglot 1-shot Meta
                  Dropout at 3e-4
    smoke         everything shrunk to seconds on a CPU
"""

import dataclasses
import re

import ml_collections

ALGORITHMS = ("maml", "meta_sgd")
PERTURBATIONS = (  # those of pipeline/trainings/few_shot_methods.py
    "meta_dropout",
    "none",
    "fixed_gaussian",
    "independent_gaussian",
    "weight_gaussian",
    "mixup",
    "information_bottleneck",
    "information_dropout",
    "adversarial",
)
_TASK = re.compile(r"([1-9]\d*)way_([1-9]\d*)shot")


@dataclasses.dataclass(frozen=True)
class Words:
    """What an argument says.

    Attributes: `ways`, `shots`, ints; `algorithm`, `perturbation`, strings;
        `authors`, `smoke`, bools.
    """

    ways: int
    shots: int
    algorithm: str = ALGORITHMS[0]
    perturbation: str = PERTURBATIONS[0]
    authors: bool = False
    smoke: bool = False


def parse(argument, task):
    """Returns the `Words` of a config file's argument.

    Args:
        argument: Str, what stands behind the colon; may be empty.
        task: Str, the task where it names none, as in "20way_1shot".

    Raises: ValueError, if a word is unknown, or two say the same thing.
    """
    found = {}
    for word in [word for word in argument.split(",") if word]:
        key, value = _meaning(word, argument)
        if key in found:
            raise ValueError(
                f"The config's argument must name the {key} once. "
                f"Received: {argument!r}"
            )
        found[key] = value
    ways, shots = found.pop("task", None) or _task(task)
    return Words(ways, shots, **found)


def _meaning(word, argument):
    if word in ("authors", "smoke"):
        return word, True
    if word in ALGORITHMS:
        return "algorithm", word
    if word in PERTURBATIONS:
        return "perturbation", word
    if _TASK.fullmatch(word):
        return "task", _task(word)
    raise ValueError(
        "The config's argument must consist of WAYSway_SHOTSshot, one of "
        f"{ALGORITHMS}, one of {PERTURBATIONS}, authors and smoke, separated "
        f"by commas. Received: {argument!r}"
    )


def _task(word):
    return tuple(map(int, _TASK.fullmatch(word).groups()))


def make_config(words):
    """Returns the config that the files beside this one complete.

    Args:
        words: `Words`.
    """
    config = ml_collections.ConfigDict()
    config.algorithm = words.algorithm  # meta_sgd learns the inner rates too
    config.first_order = False  # of MAML alone; cheaper, and no noise learns
    _add_perturbations(config, words)

    config.ways = words.ways
    config.shots = words.shots
    config.queries = 15
    config.queries_per = "task"  # class: so many of each class

    config.image_size = 28
    config.image_channels = 1
    config.channels = 64  # of each of the four blocks
    config.seed = 0  # of weights, training episodes and noise
    config.replicas = 1  # devices that share the tasks of a meta-batch

    config.inner_steps = 5  # in training and in test
    config.inner_rate = 0.1
    config.tasks = 4  # of a meta-batch
    config.classes_per = "task"  # meta_batch: the same for all its tasks
    config.steps = 60_000
    config.learning_rate = 1e-3
    config.clip = 3.0  # of each number of the outer gradient; 0: no clip
    config.noise_from = 0  # first step with normal noise; before it, none

    config.samples = 30  # noise samples of the inner steps in test
    config.noise_in_test = True  # False: none in validation and test either
    config.test_episodes = 1000
    config.test_seed = 0  # of validation and test episodes
    config.validation_episodes = 50  # at each checkpoint; 0: none
    config.export = True  # the SavedModel

    config.log_every = 100  # steps
    config.checkpoint_every = 1000  # steps

    config.data = ml_collections.ConfigDict()
    config.data.source = ""
    config.data.manual_dir = ""  # where data lie that cannot be downloaded
    # Learns from the validation classes too; nothing is validated then.
    config.data.train_on_validation = False
    config.data.seed = 0  # decides which class is for what
    if words.authors:
        config.queries_per = "class"
        config.classes_per = "meta_batch"
    return config


def shrink(config):
    """Changes a config to the values of `smoke`, on bundled digits."""
    config.data.source = "tfds:digits"
    config.data.train_on_validation = False
    config.ways = 2  # of ten digits, two are for validation and two for test
    config.queries = 4
    config.queries_per = "task"
    config.image_size = 16
    config.image_channels = 1
    config.channels = 4
    config.inner_steps = 2
    config.tasks = 2
    config.steps = 4
    config.samples = 2
    config.test_episodes = 4
    config.validation_episodes = 2
    config.log_every = 2
    config.checkpoint_every = 2


def _add_perturbations(config, words):
    """Adds the perturbation, and one section for each that has options."""
    config.inner_perturbation = words.perturbation
    for name, values in {
        "meta_dropout": {
            "transform": "softplus",  # exponential
            "logits": "additive",  # multiplicative (the paper), none
            "stochastic": True,
            "learned_deviation": False,
            "deviation": 1.0,
        },
        "mixup": {"gamma": 1.0},  # 0.2, 2.0
        "information_bottleneck": {"beta": 1e-5},  # 1e-4, 1e-3
        "information_dropout": {"beta": 1e-5},  # 1e-4, 1e-3
        "adversarial": {"epsilon": 0.1},  # in units of pixels in [0, 1]
    }.items():
        config[name] = ml_collections.ConfigDict(values)
