r"""Chooses a baseline's hyperparameters, a method, or φ, on validation data.

    python -m tools.tune --config=configs/tune/default.py:drop_block \
        --config.target.data.source=folder:my_images \
        --workdir=runs/tune_drop_block

    python -m tools.tune --config=configs/tune/methods.py:resnet20 \
        --config.target.data.source=folder:my_images --workdir=runs/my_images

    python -m tools.tune --config=configs/tune/phi.py \
        --config.target.data.manual_dir=FOLDER --workdir=runs/phi_search

Leaves the choice and every trial in the workdir, as `tuned.json`,
`methods.json`, or `search.csv` with the two best φ, `phi_1` and `phi_2`; the
trials' runs are in `trials/`. With a method chosen, the workdir is that of its
run, too. The same command resumes.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline import method_choice
    from pipeline import phi_search
    from pipeline import tuning

    config, workdir, data_dir = _FLAGS.config, _FLAGS.workdir, _FLAGS.data_dir
    if "methods" in config:
        result = method_choice.choose(
            config.target,
            workdir,
            data_dir,
            config.methods,
            config.source,
            config.objective,
            binary.command(),
        )
    elif "directions" in config:
        result = phi_search.search(config, workdir, data_dir)
    else:
        result = tuning.tune(config, workdir, data_dir)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    binary.run(main, _FLAGS.check)
