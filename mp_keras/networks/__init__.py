"""Networks of MetaPerturb's experiments (appendix C.3), and others."""

from mp_keras.networks.applications import Application
from mp_keras.networks.conv_nets import Conv4
from mp_keras.networks.conv_nets import Conv6
from mp_keras.networks.resnet import ResNet
from mp_keras.networks.resnet import ResNet18
from mp_keras.networks.resnet import ResNet20
from mp_keras.networks.resnet import ResNet32
from mp_keras.networks.resnet import ResNet34
from mp_keras.networks.resnet import ResNet44
from mp_keras.networks.resnet import ResNet56
from mp_keras.networks.vgg import VGG9
from mp_keras.networks.wide_resnet import WideResNet28x2
from mp_keras.networks.zero_pad_shortcut import ZeroPadShortcut

__all__ = [
    "Application",
    "Conv4",
    "Conv6",
    "ResNet",
    "ResNet18",
    "ResNet20",
    "ResNet32",
    "ResNet34",
    "ResNet44",
    "ResNet56",
    "VGG9",
    "WideResNet28x2",
    "ZeroPadShortcut",
]
