r"""Table 3: ablations of φ, ResNet20.

    python -m tools.reproduce --config=configs/experiments/table3.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/paper

Every variant is meta-trained on its own, with φ at the same positions as in the
target network. FOLDER holds Tiny ImageNet, FGVC-Aircraft and CUB. Beside the
paper's variants: both forms of the `all` branch, the split of the authors'
code, noise annealing in meta-training and none in target training.
"""

from configs.experiments import base

_VARIANTS = {  # name in the table -> changes of the meta-training
    "without scale": {"phi_options__use_scale": False},
    "without noise": {"phi_options__use_noise": False},
    "only before pooling": {"positions": "before_pooling"},
    "only top layers": {"positions": "top"},
    "only bottom layers": {"positions": "bottom"},
    "homogeneous tasks": {"task_split": "homogeneous"},
    "swapped halves": {"task_split": "swapped_halves"},
    "all branch: sum": {"phi_options__all_branch": "sum"},
    "annealed meta-training": {"noise_ramp": 0.4},
}


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = base.make_config("table3", "Table 3: ablations", argument)
    config.paper_table = "3 accuracy (%) ablation"
    rows = [base.row("Base", "base")]
    for name, changes in _VARIANTS.items():
        phi = name.replace(" ", "_").replace(":", "")
        config.phis[phi] = base.phi_config(config.profile, **changes)
        positions = changes.get("positions", "all")
        rows.append(
            base.row(name, "meta_perturb", phi=phi, positions=positions)
        )
    rows.append(
        base.row(
            "no annealing", "meta_perturb", phi=base.PAPER_PHI, noise_ramp=0.0
        )
    )
    rows.append(base.row("MetaPerturb", "meta_perturb", phi=base.PAPER_PHI))
    config.rows = tuple(rows)
    if config.profile == "smoke":
        config.only_rows = (
            "Base",
            "without scale",
            "only top layers",
            "MetaPerturb",
        )
    config.columns = base.paper_columns(
        config.profile, ("s-CIFAR100", "Aircraft", "CUB")
    )
    return config
