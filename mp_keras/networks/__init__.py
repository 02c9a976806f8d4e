"""Networks of MetaPerturb's experiments (appendix C.3), plain or perturbed."""

from mp_keras.networks.conv_nets import Conv4
from mp_keras.networks.resnet import ResNet20
from mp_keras.networks.resnet import ZeroPadShortcut

__all__ = ["Conv4", "ResNet20", "ZeroPadShortcut"]
