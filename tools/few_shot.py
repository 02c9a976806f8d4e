r"""Meta-trains a few-shot learner, or tests one on new episodes.

    python -m tools.few_shot --config=configs/few_shot/glyphs.py:5way_1shot \
        --workdir=runs/few_shot_glyphs
    tensorboard --logdir=runs/few_shot_glyphs/tensorboard
    python -m tools.few_shot --mode=evaluate --workdir=runs/few_shot_glyphs
    python -m tools.few_shot --mode=evaluate --workdir=runs/few_shot_glyphs \
        --config=configs/few_shot/glyphs.py:5way_5shot \
        --config.test_episodes=600

Training leaves `saved_model/`, `checkpoints/`, `tensorboard/`, `config.json`,
`history.jsonl` and `result.json` in the workdir; the same command resumes it.
Evaluation takes the newest checkpoint, also of a run that is not finished, and
the run's own config where none is given; it leaves `evaluation.json`.
"""

import json

from absl import flags

from tools import binary

_FLAGS = binary.RunFlags(config_required=False)
flags.adopt_module_key_flags(binary)
_MODE = flags.DEFINE_enum(
    "mode",
    "train",
    ["train", "evaluate"],
    "Whether to train, which tests at its end, or to test what is in the "
    "workdir.",
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline.runs import runtime
    from pipeline.trainings import few_shot_evaluation
    from pipeline.trainings import few_shot_training

    config = _FLAGS.config
    arguments = (_FLAGS.workdir, config, _FLAGS.data_dir)
    if _MODE.value == "evaluate":
        result = few_shot_evaluation.evaluate_few_shot(*arguments)
    else:
        if config is None:
            raise ValueError(
                "Flag --config must have a value with --mode=train. "
                "Received: none"
            )
        runtime.split_cpu(config.replicas)
        result = few_shot_training.few_shot_train(
            config, _FLAGS.workdir, _FLAGS.data_dir
        )
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    binary.run(main, _FLAGS.check)
