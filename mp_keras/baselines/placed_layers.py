"""The layers that regularize at the positions of a network, φ's and rivals'."""

from mp_keras.baselines import drop_block
from mp_keras.baselines import information_dropout
from mp_keras.baselines import monte_carlo_dropout
from mp_keras.perturbation import MetaPerturbLayer

KINDS = (
    MetaPerturbLayer,
    drop_block.DropBlock,
    information_dropout.InformationDropout,
    monte_carlo_dropout.MonteCarloDropout,
)
