"""Meta Dropout (ICLR 2020): few-shot learning with learned noise.

A `FewShotLearner` is a network, the start of its inner steps and the noise in
them; a `FewShotTrainer` learns all of it over many tasks; `evaluate_episodes`
tests it on new ones. TensorFlow only.
"""

from mp_keras.few_shot.adversarial_support import AdversarialSupport
from mp_keras.few_shot.episode_evaluation import evaluate_episodes
from mp_keras.few_shot.export import save_few_shot
from mp_keras.few_shot.gaussian_noise import GaussianNoise
from mp_keras.few_shot.information_bottleneck import InformationBottleneck
from mp_keras.few_shot.inner_information_dropout import InnerInformationDropout
from mp_keras.few_shot.inner_mixup import InnerMixup
from mp_keras.few_shot.learner import FewShotLearner
from mp_keras.few_shot.meta_dropout import MetaDropout
from mp_keras.few_shot.network import FewShotNetwork
from mp_keras.few_shot.perturbation import Perturbation
from mp_keras.few_shot.trainer import FewShotTrainer
from mp_keras.few_shot.weight_noise import WeightNoise

__all__ = [
    "AdversarialSupport",
    "FewShotLearner",
    "FewShotNetwork",
    "FewShotTrainer",
    "GaussianNoise",
    "InformationBottleneck",
    "InnerInformationDropout",
    "InnerMixup",
    "MetaDropout",
    "Perturbation",
    "WeightNoise",
    "evaluate_episodes",
    "save_few_shot",
]
