r"""Evaluates an exported target classifier on labelled images.

    python -m tools.evaluate --workdir=runs/my_images
    python -m tools.evaluate --workdir=runs/my_images --data=folder:new_images
    python -m tools.evaluate --workdir=runs/my_images \
        --config=configs/target/default.py:resnet20 \
        --config.data.source=npz:other.npz --config.samples=100

The classifier is `saved_model/` in the workdir of `tools.train_target`. Without
other data, the run's own test part is taken; of a labelled folder, a zip file
or a table, all images but those that the run was trained on. Prints accuracy,
balanced accuracy, macro F1, negative log-likelihood, calibration error and
Brier score, and leaves them in `evaluation.json`, and a page to look at,
`evaluation.html`.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags(config_required=False)
flags.adopt_module_key_flags(binary)
_DATA = flags.DEFINE_string(
    "data",
    None,
    "Other images than the run's test part: folder:PATH, zip:FILE, csv:FILE, "
    "npz:PATH, ...",
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline.trainings import classifier_evaluation

    metrics = classifier_evaluation.evaluate_run(
        _FLAGS.workdir,
        _FLAGS.config,
        _FLAGS.data_dir,
        _DATA.value,
        binary.command(),
    )
    print(json.dumps(metrics, indent=2))


def check():
    """Refuses a place without images before the long imports."""
    from pipeline.trainings import early_checks

    source = _DATA.value
    if source is None and _FLAGS.config is not None:
        source = _FLAGS.config.data.source
    early_checks.check_evaluation(source)


if __name__ == "__main__":
    binary.run(main, check)
