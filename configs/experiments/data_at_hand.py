r"""Our results: four small data sets at 32 pixels, three different φ.

    python -m tools.reproduce --config=configs/experiments/data_at_hand.py \
        --config.manual_dir=FOLDER --workdir=runs/data_at_hand

FOLDER holds the npz files that pipeline/datasets/sources/catalogue.py lists as
`subset:`. ResNet20 everywhere, and Conv4 on CIFAR-10. MetaPerturb runs with
the φ that the paper's authors published as well, where
`--config.phi_paths.authors=PATH` says where it is (tools/import_torch_phi.py
makes it). 1,000 steps of batch 128; about 8 hours on two cores.
docs/results.md has the outcome.
"""

from configs.experiments import base
from configs.experiments import empty

_PHIS = {  # name of the row -> φ
    "MetaPerturb, Tiny ImageNet φ": "tiny_imagenet_resnet20",
    "MetaPerturb, glyph φ": "glyphs_conv4",
}
_AUTHORS = "MetaPerturb, authors' φ"
_SEVERAL = (0, 1, 2)


def get_config(argument=""):
    """Returns the config. `argument`: smoke or cpu (default)."""
    argument = empty.checked_profile(argument, ("smoke", "cpu"))
    config = base.make_config("data_at_hand", "Four small data sets", argument)
    config.phi_paths.authors = ""  # a SavedModel folder; "": no such row
    *rivals, _ = base.regularizers(config.profile)
    rows = [
        base.row(name, "meta_perturb", phi=phi, style=f"meta_perturb:{phi}")
        for name, phi in _PHIS.items()
    ]
    authors = base.row(
        _AUTHORS, "meta_perturb", phi="authors", style="meta_perturb:authors"
    )
    config.rows = (*rivals, authors, *rows)
    if config.profile == "smoke":
        config.rows = (*rivals, rows[-1])
        config.columns = (base.digits_for("CIFAR-10"),)
        return config
    config.target.samples = 30
    perturbed = tuple(row["name"] for row in config.rows if row["phi"])
    config.columns = (
        _column("CIFAR-10", "subset:cifar10", _SEVERAL),
        _column("Cars", "subset:cars", _SEVERAL),
        _column("Dogs", "subset:dogs"),
        _column("CUB-2010", "subset:cub2010"),
        base.column(
            "CIFAR-10, Conv4",
            rows=("Base", *perturbed),
            network="conv4",
            data__source="subset:cifar10",
        ),
    )
    return config


def _column(name, source, seeds=(0,)):
    return base.column(name, seeds=seeds, tuned_for=source, data__source=source)
