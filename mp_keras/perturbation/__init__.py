"""φ: the function, its layer, placing, annealing, saving (section 3.2)."""

from mp_keras.perturbation.layer import MetaPerturbLayer
from mp_keras.perturbation.layer import positions_of

__all__ = ["MetaPerturbLayer", "positions_of"]
