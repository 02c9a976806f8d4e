r"""Studies of φ in JAX, many trainings at once on an accelerator.

    python -m tools.study --config=configs/studies/cifar10.py \
        --config.data.files="('cifar10_subset.npz',)" --workdir=runs/cifar10

Needs JAX, NumPy, absl-py and ml_collections, no TensorFlow. By the config: the
rows of a table (every run's log-probabilities are left in the workdir), or φ by
gradients.
"""

from absl import app
from absl import flags
from ml_collections import config_flags

_CONFIG = config_flags.DEFINE_config_file("config", lock_config=True)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of this study; finished parts are kept."
)
flags.mark_flags_as_required(["config", "workdir"])


def main(argv):
    if len(argv) > 1:
        raise app.UsageError(f"unknown arguments {argv[1:]}")
    config, workdir = _CONFIG.value, _WORKDIR.value
    if "period" in config:
        from pipeline.many_runs import meta_gradients

        print(meta_gradients.learn_phi(config, workdir), flush=True)
    else:
        from pipeline.many_runs import study

        for path in study.run_study(config, workdir):
            print(study.summary(path), flush=True)


if __name__ == "__main__":
    app.run(main)
