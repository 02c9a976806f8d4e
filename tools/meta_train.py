r"""Meta-trains φ on a source data set.

    python -m tools.meta_train --config=configs/meta_train/glyphs.py:conv4 \
        --workdir=runs/glyphs
    tensorboard --logdir=runs/glyphs/tensorboard

Leaves `phi/` (SavedModel), `checkpoints/`, `tensorboard/`, `config.json`,
`history.jsonl` and `result.json` in the workdir.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline import meta_training
    from pipeline import runtime

    config = _FLAGS.config
    runtime.split_cpu(config.replicas)
    result = meta_training.meta_train(config, _FLAGS.workdir, _FLAGS.data_dir)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    binary.run(main)
