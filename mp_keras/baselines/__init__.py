"""What MetaPerturb is compared with: regularizers and ways to train.

Every baseline has a twin of `perturb_model`. Some put a layer at each position
(Information Dropout, DropBlock, Monte Carlo dropout); some wrap the network
while it trains and leave it as it is (mixup; Manifold Mixup; adversarial
training, which is for TensorFlow only); a deep ensemble joins several networks.
"""

from mp_keras import backends
from mp_keras.baselines.deep_ensemble import deep_ensemble
from mp_keras.baselines.drop_block import DropBlock
from mp_keras.baselines.drop_block import drop_block_model
from mp_keras.baselines.fine_tuning import transfer_weights
from mp_keras.baselines.information_dropout import InformationDropout
from mp_keras.baselines.information_dropout import information_dropout_model
from mp_keras.baselines.manifold_mixup import ManifoldMixup
from mp_keras.baselines.manifold_mixup import manifold_mixup_model
from mp_keras.baselines.mixup import Mixup
from mp_keras.baselines.mixup import mixup_model
from mp_keras.baselines.monte_carlo_dropout import MonteCarloDropout
from mp_keras.baselines.monte_carlo_dropout import monte_carlo_dropout_model

__all__ = [
    "AdversarialTraining",
    "DropBlock",
    "InformationDropout",
    "ManifoldMixup",
    "Mixup",
    "MonteCarloDropout",
    "adversarial_model",
    "deep_ensemble",
    "drop_block_model",
    "information_dropout_model",
    "manifold_mixup_model",
    "mixup_model",
    "monte_carlo_dropout_model",
    "transfer_weights",
]

_TENSORFLOW_ONLY = ("AdversarialTraining", "adversarial_model")

if backends.is_tensorflow():
    from mp_keras.baselines.adversarial_training import AdversarialTraining
    from mp_keras.baselines.adversarial_training import adversarial_model
else:
    __all__ = [name for name in __all__ if name not in _TENSORFLOW_ONLY]


def __getattr__(name):
    if name in _TENSORFLOW_ONLY:
        backends.require_tensorflow(f"mp_keras.baselines.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
