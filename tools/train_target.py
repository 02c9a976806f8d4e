r"""Trains one classifier on a target data set, with φ or without.

    python -m tools.train_target \
        --config=configs/target/own_images.py:resnet20 \
        --config.data.source=folder:my_images --workdir=runs/my_images
    tensorboard --logdir=runs/my_images/tensorboard

`--config.method=auto` tries six methods and keeps the best on validation
images (`tools.tune --config=configs/tune/methods.py`).

configs/target/default.py has the paper's values. The workdir ends with a page
to look at, `report.html`, `saved_model/`, `model.keras`, `result.json` and what
else docs/command_line.md lists.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline import method_choice
    from pipeline.trainings import target_training

    config = _FLAGS.config
    if config.method == "auto":
        record = method_choice.choose(
            config, _FLAGS.workdir, _FLAGS.data_dir, command=binary.command()
        )
        print(json.dumps(record["result"], indent=2))
        return
    result = target_training.train_target(
        config, _FLAGS.workdir, _FLAGS.data_dir, command=binary.command()
    )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    binary.run(main, _FLAGS.check)
