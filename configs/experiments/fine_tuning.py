r"""Our results with a pretrained network: does anything help a fine-tuning?

    python -m tools.reproduce --config=configs/experiments/fine_tuning.py \
        --config.manual_dir=FOLDER --workdir=runs/fine_tuning

FOLDER holds `tiny-imagenet-200.zip` and the npz files of `subset:cars`, `dogs`
and `cub2010` (pipeline/datasets/sources/catalogue.py). ResNet20 at 32 pixels is
trained on all 200 classes of Tiny ImageNet, 2,500 steps of batch 128. Its
weights start the trainings on Cars, Dogs and CUB-2010 as one set, without the
three dog breeds that Tiny ImageNet has: 147 classes, 16 images of each, a fifth
of them for the temperature, 1,500 steps of batch 64. docs/results.md has the
outcome.
"""

from configs.experiments import base
from configs.experiments import empty

_IN_THE_SOURCE = (71, 72, 97)  # golden and Labrador retriever, poodle
_CLASSES = tuple(n for n in range(150) if n not in _IN_THE_SOURCE)


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = base.make_config("fine_tuning", "Fine-tuning", argument)
    config.rows = base.fine_tuned(
        (
            base.row("Base", "base"),
            base.row("Manifold Mixup", "manifold_mixup"),
            base.row("Our φ", "meta_perturb", phi=base.SHIPPED_PHI),
            base.row(
                "Channel noise + Manifold Mixup",
                "channel_noise+manifold_mixup",
            ),
        )
    )
    plain, *others = (each.name for each in config.rows)
    config.contrasts = tuple((name, plain) for name in others)
    config.target.data.validation_fraction = 0.2
    if config.profile == "smoke":
        config.rows = config.rows[:2]
        config.contrasts = config.contrasts[:1]
        config.target.data.examples_per_class = 5
        config.columns = (base.digits_for("Cars, Dogs and CUB-2010"),)
        return config
    config.metric = "negative_log_likelihood"
    config.source_classifier.steps = 2_500
    config.target.steps = 1_500
    config.target.batch_size = 64
    config.target.samples = 30
    config.columns = (
        base.column(
            "Cars, Dogs and CUB-2010",
            data__source="subset:cars+dogs+cub2010",
            data__classes=_CLASSES,
        ),
    )
    return config
