r"""Chooses a baseline's hyperparameters on validation data.

    python -m tools.tune --config=configs/tune/default.py:drop_block \
        --config.target.data.source=folder:my_images \
        --workdir=runs/tune_drop_block

Leaves `tuned.json`, the choice and every trial, in the workdir; the trials'
runs are in `trials/`. The same command resumes.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline import tuning

    result = tuning.tune(_FLAGS.config, _FLAGS.workdir, _FLAGS.data_dir)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    binary.run(main, _FLAGS.check)
