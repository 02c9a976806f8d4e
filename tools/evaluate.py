r"""Evaluates an exported target classifier on the test part of a data set.

    python -m tools.evaluate --workdir=runs/my_images
    python -m tools.evaluate --workdir=runs/my_images \
        --config=configs/target/default.py:resnet20 \
        --config.data.source=npz:other.npz --config.samples=100

The classifier is `saved_model/` in the workdir of `tools.train_target`, whose
own config is used where none is given; other data must have the same classes in
the same order. Prints accuracy, negative log-likelihood and calibration error,
and leaves them in `evaluation.json`.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags(config_required=False)
flags.adopt_module_key_flags(binary)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline.trainings import classifier_evaluation

    metrics = classifier_evaluation.evaluate_run(
        _FLAGS.workdir, _FLAGS.config, _FLAGS.data_dir
    )
    print(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    binary.run(main, _FLAGS.check)
