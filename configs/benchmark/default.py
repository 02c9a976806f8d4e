r"""What `tools.benchmark` measures.

    python -m tools.benchmark --output=FILE.json \
        [--config=configs/benchmark/default.py:ARGUMENT] [--against=DIR]

ARGUMENT: `full` (default; docs/performance.md, about half an hour on two cores)
or `check`, small cases with limits for ratios, about 2 minutes, which
continuous integration runs.
"""

import ml_collections

_RESNET20 = {"32x16": (32, 16), "16x32": (16, 32), "8x64": (8, 64)}
_VGG9 = {
    "32x64": (32, 64),
    "16x128": (16, 128),
    "8x256": (8, 256),
    "4x512": (4, 512),
}  # height of the feature map x channels
_APPLICATIONS = {
    "VGG16": 64,
    "ResNet50": 64,
    "ResNet50V2": 64,
    "MobileNet": 64,
    "MobileNetV2": 64,
    "MobileNetV3Small": 64,
    "EfficientNetB0": 64,
    "ConvNeXtTiny": 64,
    "DenseNet121": 64,
    "InceptionV3": 96,
    "Xception": 96,
}  # name in keras.applications -> pixels
# Of what is measured (part/key/...), at most: 1.2 to 1.8 times of what two
# cores measured, 1.60 to 1.69, 0.80, 1.15 and 43.
_LIMITS = {
    "training_step/ratio/median": 2.1,
    "meta_step/growth": 1.4,
    "prediction/ratio/median": 2.0,
    "prediction/growth_in_maps": 64,
}


def get_config(argument="full"):
    """Returns the config. `argument`: full (default) or check."""
    if argument not in ("", "full", "check"):
        raise ValueError(
            "The config's argument must be full or check. "
            f"Received: {argument!r}"
        )
    check = argument == "check"
    case = {"network": "resnet20", "image_size": 32, "batch_size": 128}
    phi_options = {"noise_per": "element", "input_dependent": True}
    parts = {
        "training_step": {**case, "rounds": 15, "phi_options": phi_options},
        "meta_step": {
            **case,
            "batch_size": 64,
            "tasks": (1, 2, 5, 10, 20),
            "steps": 2,
        },
        "prediction": {
            **case,
            "examples": 256,
            "samples": 30,
            "rounds": 5,
            "phi_options": phi_options,
        },
        "input_pipeline": {
            "image_sizes": (32, 84),
            "batch_size": 128,
            "examples": 2000,
            "steps": 20,
        },
        "position": {
            "batch_size": 128,
            "rounds": 11,
            "shapes": {**_RESNET20, **_VGG9},
        },
        "determinism": {
            **case,
            "batch_size": 64,
            "tasks": 2,
            "steps": 5,
            "rounds": 2,
        },
        "large_source": {
            "memory_gib": (0.2, 20.0),
            "speed_gib": 4.0,
            "rounds": 3,
            "network": "conv4",
            "image_size": 64,
            "classes": 40,
            "tasks": 2,
            "batch_size": 16,
            "steps": 10,
        },
        "applications": {
            "networks": _APPLICATIONS,
            "batch_size": 16,
            "rounds": 7,
        },
    }
    if check:
        small = {**case, "batch_size": 32}
        few = {"network": "conv4", "image_size": 32, "batch_size": 16}
        parts = {
            "training_step": {**small, "rounds": 15},
            "meta_step": {**few, "tasks": (1, 2, 8), "steps": 5},
            "prediction": {
                **small,
                "examples": 32,
                "samples": 10,
                "rounds": 5,
            },
        }
    config = ml_collections.ConfigDict()
    config.parts = parts
    config.limits = _LIMITS if check else {}
    return config
