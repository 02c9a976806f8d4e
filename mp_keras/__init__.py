"""mp_keras: a regularizer learned once and transferred as 82 numbers.

MetaPerturb (Ryu et al., NeurIPS 2020) for Keras: a perturbation function φ,
meta-learned on a source data set, that improves the training of any
convolutional network on any small target data set.
"""

from mp_keras import networks
from mp_keras.evaluation.calibration import ExpectedCalibrationError
from mp_keras.evaluation.monte_carlo import MonteCarloClassifier
from mp_keras.evaluation.monte_carlo import monte_carlo_predict
from mp_keras.optimizers import AdamL2
from mp_keras.perturbation.annealing import NoiseAnnealing
from mp_keras.perturbation.function import PerturbationFunction
from mp_keras.perturbation.layer import MetaPerturbLayer

__version__ = "0.1.0"

__all__ = [
    "AdamL2",
    "ExpectedCalibrationError",
    "MetaPerturbLayer",
    "MonteCarloClassifier",
    "NoiseAnnealing",
    "PerturbationFunction",
    "monte_carlo_predict",
    "networks",
]
