r"""Meta-trains φ on a source data set.

    python -m tools.meta_train --config=configs/meta_train/glyphs.py:conv4 \
        --workdir=runs/glyphs
    tensorboard --logdir=runs/glyphs/tensorboard

Leaves `phi/` (SavedModel), `checkpoints/`, `tensorboard/`, `config.json`,
`history.jsonl` and `result.json` in the workdir. On several machines: the same
command with `--strategy=multi_worker` on each of them, `TF_CONFIG` set as
TensorFlow defines it, and a workdir that all of them share.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags()
flags.adopt_module_key_flags(binary)
_STRATEGY = flags.DEFINE_enum(
    "strategy",
    None,
    ["one_device", "mirrored", "multi_worker"],
    "Where the tasks are trained: on one device, on config.replicas devices of "
    "this machine, or on the workers of TF_CONFIG. By config.replicas if "
    "unset.",
)
_WORKER_TIMEOUT = flags.DEFINE_float(
    "worker_timeout", 300.0, "Seconds to wait for the other workers."
)
_MAX_RESTARTS = flags.DEFINE_integer(
    "max_restarts", 3, "How often a worker that lost another starts anew."
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline.runs import runtime
    from pipeline.trainings import meta_training
    from pipeline.workers import strategies

    config = _FLAGS.config
    name = strategies.check_name(_STRATEGY.value, config.replicas)
    if name == strategies.MULTI_WORKER:
        _work(config)
        return
    runtime.split_cpu(config.replicas)
    result = meta_training.meta_train(config, _FLAGS.workdir, _FLAGS.data_dir)
    print(json.dumps(result, indent=2))


def _work(config):
    """Trains as one worker of TF_CONFIG; the chief prints the result."""
    from pipeline.trainings import meta_training
    from pipeline.workers import cluster as cluster_module
    from pipeline.workers import restarts

    cluster = cluster_module.from_environment()
    result = restarts.run(
        lambda: meta_training.meta_train(
            config,
            _FLAGS.workdir,
            _FLAGS.data_dir,
            cluster,
            _WORKER_TIMEOUT.value,
        ),
        cluster,
        _MAX_RESTARTS.value,
    )
    if cluster.is_chief:
        print(json.dumps(result, indent=2))
    else:
        print(f"{cluster.name}: finished", flush=True)


if __name__ == "__main__":
    binary.run(main, _FLAGS.check)
