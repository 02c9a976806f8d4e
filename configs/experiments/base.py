"""What MetaPerturb's experiments share: protocols, rows and columns.

`paper`: the full protocol of section 4 and appendix C: φ meta-trained on Tiny
ImageNet for 10,000 steps on 10 class-wise tasks, 10,000 steps of target
training, the data at their sizes, 5 seeds, 100 noise samples. `cpu`: what two
CPU cores finish in a night: the φ that ships, 32 pixels, 1,000 steps, 1 seed.
`smoke`: seconds, on bundled data.
"""

import dataclasses

from configs import class_cuts
from configs.experiments import column as column_module
from configs.experiments import empty
from configs.experiments import row as row_module
from configs.meta_train import base as meta_base
from configs.meta_train import tiny_imagenet
from configs.target import default
from configs.target import source_classifier
from configs.target import tuned

PROFILES = empty.PROFILES
SHIPPED_PHI = "tiny_imagenet_resnet20"
SMOKE_PHI = "glyphs_conv4"
PAPER_PHI = "tiny_imagenet"  # one of `phis`: meta-trained by the experiment

_WHOLE_SOURCE = "paper:tiny_imagenet"  # refuses a part of the images
_SETS = {  # name in the paper's tables -> source, pixels
    "STL10": ("paper:stl10", 32),
    "s-CIFAR100": ("paper:s_cifar100", 32),
    "Dogs": ("paper:dogs", 84),
    "Cars": ("paper:cars", 84),
    "Aircraft": ("paper:aircraft", 84),
    "CUB": ("paper:cub", 84),
    "small-SVHN": ("paper:small_svhn", 32),
}
TABLE_1_SETS = ("STL10", "s-CIFAR100", "Dogs", "Cars", "Aircraft", "CUB")


def make_config(name, title, profile):
    """Returns the config that the files beside this one complete.

    Args:
        name: Str, name of the outputs.
        title: Str, first line of the table.
        profile: Str, one of `PROFILES`; empty means "cpu".

    Raises: ValueError, if the profile is unknown.
    """
    config = empty.make_config(name, title, profile, "target", "MetaPerturb")
    profile = config.profile
    smoke = profile == "smoke"
    if profile == "paper":
        config.seeds = tuple(range(5))
    config.phis[PAPER_PHI] = phi_config(profile)

    suffix = "conv4,smoke" if smoke else "resnet20"
    config.target = default.get_config(suffix)
    config.source_classifier = source_classifier.get_config(suffix)
    config.target.export = False
    # The paper holds nothing out: all images train, without a temperature.
    config.target.data.validation_fraction = 0.0
    config.target.deterministic.mixtures = 0  # no table is of that form
    config.source_classifier.export = False
    if profile == "cpu":
        config.target.steps = 1000
        config.target.samples = 10
        config.source_classifier.steps = 2000
    elif profile == "paper":
        config.target.samples = 100
        config.source_classifier.data.source = _WHOLE_SOURCE
    else:
        for part in (config.target, config.source_classifier):
            part.network_options.channels = 8
            part.steps = 2
            part.log_every = 1
            part.checkpoint_every = 1
        config.source_classifier.data.source = "tfds:digits"
    return config


def phi_config(profile, **changes):
    """Returns a meta-training config on Tiny ImageNet.

    Args:
        profile: Str, one of `PROFILES`.
        **changes: Values by key; `phi_options__use_scale` stands for
            `phi_options.use_scale`.
    """
    if profile == "smoke":
        config = meta_base.make_config("conv4", smoke=True)
        config.data.source = "tfds:digits"
        config.network_options.channels = 8
        config.steps = 2
    else:
        config = tiny_imagenet.get_config("resnet20")
        config.task_split = "class_wise"
    if profile == "paper":
        config.data.source = _WHOLE_SOURCE
        config.steps = 10_000
        config.learning_rate_drops = (0.4, 0.7, 0.9)
    elif profile == "cpu":
        config.steps = 200
        config.batch_size = 64
    config.update_from_flattened_dict(
        {key.replace("__", "."): value for key, value in changes.items()}
    )
    return config


def default_phi(profile):
    """Returns the φ of a profile's MetaPerturb rows."""
    names = {"smoke": SMOKE_PHI, "cpu": SHIPPED_PHI, "paper": PAPER_PHI}
    return names[profile]


def row(name, method, *, phi="", fine_tuned=False, paper="", style="", **set_):
    """Returns one row of an experiment.

    Args:
        name: Str, in our table.
        method: Str, see pipeline/trainings/methods.py.
        phi: Str, one of the config's `phis` or `phi_paths`, or the name of
            a φ that ships.
        fine_tuned: Bool, whether the network starts from the weights of the
            source classifier.
        paper: Str, the row's name in the paper's table; "" stands for `name`.
        style: Str, METHOD[:VARIANT], look in the figures; "": the method's.
        **set_: Target config values; `drop_block__rate` stands for
            `drop_block.rate`.
    """
    values = {key.replace("__", "."): value for key, value in set_.items()}
    prefix = "fine_tuning+" if fine_tuned else ""
    return row_module.Row(
        name,
        {"method": method, **values},
        style=style or prefix + method,
        paper=paper or name,
        phi=phi,
        fine_tuned=fine_tuned,
    )


def channel_noise_rows(strengths):
    """Returns a row of channel noise with Manifold Mixup for each strength."""
    return tuple(
        row(
            f"Channel noise {strength:g} + Manifold Mixup",
            "channel_noise+manifold_mixup",
            channel_noise__c_max=strength,
        )
        for strength in strengths
    )


def column(
    name,
    *,
    seeds=None,
    rows=None,
    paper="",
    tuned_for="",
    measures=None,
    **set_,
):
    """Returns one column of an experiment.

    Args:
        name: Str, in our table.
        seeds: Tuple of ints, or None for those of the config.
        rows: Tuple of row names, or None for all.
        paper: Str, the column's name in the paper's table; "": `name`.
        tuned_for: Str, the source whose tuned values the rows take; "": those
            of configs/target/default.py.
        measures: Dict from measure to settings that are the column's own, or
            None.
        **set_: Target config values, as in `row`.
    """
    values = {key.replace("__", "."): value for key, value in set_.items()}
    return column_module.Column(
        name,
        values,
        paper=paper or name,
        tuned=tuned.values_for(tuned_for),
        tuned_on=tuned.chosen_on(tuned_for),
        measures=measures or {},
        seeds=seeds,
        rows=rows,
    )


def class_columns(all_classes, first, count):
    """Returns columns that are tasks, each of ten classes of its own.

    Args: as of `class_cuts.task_classes`.
    """
    return tuple(
        column(f"task {number + 1}", data__classes=classes)
        for number, classes in enumerate(
            class_cuts.task_classes(all_classes, first, count), first
        )
    )


def paper_columns(profile, names, smoke_columns=1):
    """Returns the columns of data sets by their names in the paper.

    Args:
        profile: Str; "cpu" resizes all to 32 pixels, "smoke" puts the bundled
            digits in the place of each.
        names: Sequence of names.
        smoke_columns: Int, default 1: how many of them "smoke" keeps.
    """
    if profile == "smoke":
        return tuple(digits_for(name) for name in names[:smoke_columns])
    return tuple(
        column(
            name,
            tuned_for=_SETS[name][0],
            data__source=_SETS[name][0],
            image_size=32 if profile == "cpu" else _SETS[name][1],
        )
        for name in names
    )


def digits_for(name, **set_):
    """Returns the column of "smoke" in the place of one of the paper's."""
    source = "tfds:digits"
    return column(f"digits for {name}", paper=name, data__source=source, **set_)


def regularizers(profile):
    """Returns the rows of the methods that every table compares."""
    return (
        row("Base", "base"),
        row("Information Dropout", "information_dropout"),
        row("DropBlock", "drop_block"),
        row("Manifold Mixup", "manifold_mixup"),
        row("MetaPerturb", "meta_perturb", phi=default_phi(profile)),
    )


def fine_tuned(rows):
    """Returns the rows again, each combined with fine-tuning."""
    combined = []
    for each in rows:
        name = "Fine-tuning"
        if each.set["method"] != "base":
            name = f"Fine-tuning + {each.name}"
        style = f"fine_tuning+{each.style}"
        combined.append(
            dataclasses.replace(
                each, name=name, paper=name, style=style, fine_tuned=True
            )
        )
    return tuple(combined)
