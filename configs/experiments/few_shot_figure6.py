r"""Meta Dropout, figure 6 and appendix C: perturbations as images.

    python -m tools.reproduce \
        --config=configs/experiments/few_shot_figure6.py:cpu \
        --config.manual_dir=FOLDER --workdir=runs/few_shot

A decoder learns to give training images back from the unperturbed features of
the third block; then it decodes perturbed ones of test images. In the workdir
of few_shot_table1.py no method is trained again.
"""

from configs.experiments import few_shot


def get_config(argument=""):
    """Returns the config. `argument`: smoke, cpu (default) or paper."""
    config = few_shot.make_config(
        "few_shot_figure6",
        "Meta Dropout, figure 6: reconstructed images",
        argument,
        few_shot.ONE_SHOT,
    )
    config.measure_names = ("reconstructions",)
    smoke = config.profile == "smoke"
    config.measures.reconstructions = {
        "block": 2,  # from 0: the paper's third layer
        "images": 2 if smoke else 6,
        "copies": 2 if smoke else 5,
        "training_images": 16 if smoke else 5000,
        "epochs": 1 if smoke else 40,
        "filters": 2 if smoke else 64,
    }
    config.rows = few_shot.table_1_rows()[2:]  # Meta Dropout
    return config
