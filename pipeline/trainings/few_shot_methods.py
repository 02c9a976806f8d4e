"""The few-shot methods that a config can name, as learners and trainers.

Meta Dropout, section 4: MAML and Meta-SGD (`algorithm`), each with one
perturbation of its inner steps or none (`inner_perturbation`). A perturbation
with options has a section of the config named like it.
"""

import mp_keras
from mp_keras import argument_checks
from mp_keras.few_shot import adversarial_support
from mp_keras.few_shot import gaussian_noise
from mp_keras.few_shot import information_bottleneck
from mp_keras.few_shot import inner_information_dropout
from mp_keras.few_shot import inner_mixup
from mp_keras.few_shot import learner
from mp_keras.few_shot import meta_dropout
from mp_keras.few_shot import network
from mp_keras.few_shot import perturbation
from mp_keras.few_shot import trainer
from mp_keras.few_shot import weight_noise

MAML = "maml"
META_SGD = "meta_sgd"
ALGORITHMS = (MAML, META_SGD)

_PERTURBATIONS = {
    "none": lambda config: perturbation.Perturbation(),
    "meta_dropout": lambda config: meta_dropout.MetaDropout(
        **config.meta_dropout
    ),
    "fixed_gaussian": lambda config: gaussian_noise.GaussianNoise(False),
    "independent_gaussian": lambda config: gaussian_noise.GaussianNoise(True),
    "weight_gaussian": lambda config: weight_noise.WeightNoise(),
    "mixup": lambda config: inner_mixup.InnerMixup(config.mixup.gamma),
    "information_bottleneck": lambda config: (
        information_bottleneck.InformationBottleneck(
            config.information_bottleneck.beta
        )
    ),
    "information_dropout": lambda config: (
        inner_information_dropout.InnerInformationDropout(
            config.information_dropout.beta
        )
    ),
    "adversarial": lambda config: adversarial_support.AdversarialSupport(
        config.adversarial.epsilon
    ),
}
PERTURBATIONS = tuple(_PERTURBATIONS)


def make_perturbation(config):
    """Returns the `Perturbation` of a config.

    Args:
        config: Config of `configs/few_shot/`.

    Raises: ValueError, if it names none of `PERTURBATIONS`, or an option of
        it is wrong.
    """
    argument_checks.check_one_of(
        "inner_perturbation",
        config.inner_perturbation,
        PERTURBATIONS,
        "Config key",
    )
    return _PERTURBATIONS[config.inner_perturbation](config)


def make_learner(config):
    """Returns the `FewShotLearner` of a config, at its start.

    Args:
        config: Config of `configs/few_shot/`.

    Raises: ValueError, if a name is unknown, a value is out of range, or
        `first_order` is asked for where it cannot work.
    """
    argument_checks.check_one_of(
        "algorithm", config.algorithm, ALGORITHMS, "Config key"
    )
    if config.first_order and config.algorithm != MAML:
        raise ValueError(
            f"Config key `first_order` must be False with {config.algorithm}: "
            f"it is an approximation of {MAML}. Received: first_order=True"
        )
    size = config.image_size
    few_shot_network = network.FewShotNetwork(
        config.ways,
        (size, size, config.image_channels),
        config.channels,
        make_perturbation(config),
    )
    return learner.FewShotLearner(
        few_shot_network,
        config.inner_steps,
        config.inner_rate,
        learn_rates=config.algorithm == META_SGD,
        first_order=config.first_order,
        seed=config.seed,
    )


def make_trainer(config, strategy=None):
    """Returns the compiled `FewShotTrainer` of a config.

    Args:
        config: Config of `configs/few_shot/`.
        strategy: `tf.distribute.Strategy`, or None for one device.

    Raises: ValueError, as `make_learner`, or if the replicas cannot share
        `config.tasks` evenly.
    """
    few_shot_trainer = trainer.FewShotTrainer(
        lambda: make_learner(config),
        config.tasks,
        clip=config.clip or None,
        strategy=strategy,
        noise_from=config.noise_from,
    )
    few_shot_trainer.compile(mp_keras.AdamL2(config.learning_rate, l2=0.0))
    return few_shot_trainer
