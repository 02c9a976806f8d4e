"""mp_keras: a regularizer learned once and transferred as 82 numbers.

MetaPerturb (Ryu et al., NeurIPS 2020) for Keras: a perturbation function φ,
meta-learned on a source data set, that improves the training of any
convolutional network on any small target data set. Runs on TensorFlow, JAX
and PyTorch; what needs TensorFlow says so elsewhere. `mp_keras.few_shot` is
Meta Dropout (Lee et al., ICLR 2020), learned noise for few-shot learning.
"""

from mp_keras import backends
from mp_keras import baselines
from mp_keras import networks
from mp_keras.evaluation.calibration import ExpectedCalibrationError
from mp_keras.evaluation.deterministic import deterministic
from mp_keras.evaluation.inspection import inspect_positions
from mp_keras.evaluation.loss_surface import LossSurface
from mp_keras.evaluation.loss_surface import loss_surface
from mp_keras.evaluation.metrics import (
    classification_figures as classification_figures,  # the earlier name
)
from mp_keras.evaluation.metrics import classification_metrics
from mp_keras.evaluation.monte_carlo import MonteCarloClassifier
from mp_keras.evaluation.monte_carlo import monte_carlo_predict
from mp_keras.evaluation.reliability import ReliabilityCurve
from mp_keras.evaluation.reliability import reliability_curve
from mp_keras.evaluation.temperature import Temperature
from mp_keras.evaluation.temperature import fit_temperature
from mp_keras.optimizers import AdamL2
from mp_keras.perturbation.after_annealing import AfterAnnealing
from mp_keras.perturbation.annealing import NoiseAnnealing
from mp_keras.perturbation.found_positions import find_positions
from mp_keras.perturbation.function import PerturbationFunction
from mp_keras.perturbation.insertion import insert_layers
from mp_keras.perturbation.insertion import perturb_model
from mp_keras.perturbation.layer import MetaPerturbLayer
from mp_keras.perturbation.saved_model import load_card
from mp_keras.perturbation.saved_model import load_perturbation
from mp_keras.perturbation.saved_model import save_perturbation
from mp_keras.perturbation.torch_checkpoint import import_torch_perturbation
from mp_keras.preprocessing import normalize
from mp_keras.version import __version__

__all__ = [
    "AdamL2",
    "AfterAnnealing",
    "ExpectedCalibrationError",
    "LossSurface",
    "MetaPerturbLayer",
    "MetaTrainer",
    "MonteCarloClassifier",
    "NoiseAnnealing",
    "PerturbationFunction",
    "ReliabilityCurve",
    "TaskRestarts",
    "Temperature",
    "__version__",
    "adversarial_images",
    "baselines",
    "classification_metrics",
    "convert_classifier",
    "deterministic",
    "few_shot",
    "find_positions",
    "fit_temperature",
    "import_torch_perturbation",
    "insert_layers",
    "inspect_positions",
    "load_card",
    "load_perturbation",
    "loss_surface",
    "monte_carlo_predict",
    "networks",
    "normalize",
    "perturb_model",
    "reliability_curve",
    "robust_accuracy",
    "save_classifier",
    "save_perturbation",
]

_TENSORFLOW_ONLY = (
    "MetaTrainer",
    "TaskRestarts",
    "adversarial_images",
    "convert_classifier",
    "few_shot",
    "robust_accuracy",
    "save_classifier",
)

if backends.is_tensorflow():
    from mp_keras import few_shot
    from mp_keras.evaluation.attacks import adversarial_images
    from mp_keras.evaluation.attacks import robust_accuracy
    from mp_keras.export.classifier_export import save_classifier
    from mp_keras.export.conversion import convert_classifier
    from mp_keras.meta_training.restarts import TaskRestarts
    from mp_keras.meta_training.trainer import MetaTrainer
else:
    __all__ = [name for name in __all__ if name not in _TENSORFLOW_ONLY]


def __getattr__(name):
    if name in _TENSORFLOW_ONLY:
        backends.require_tensorflow(f"mp_keras.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
