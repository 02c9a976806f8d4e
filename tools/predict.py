r"""Predicts the classes of image files, into a table for a spreadsheet.

    python -m tools.predict --model=runs/my_images --images=new_images \
        --output=predictions.csv

The model is a finished run of `tools.train_target`, or its `saved_model/`. The
table has a line per file: class, probability, the runner-up, and why a file
could not be read. Exit code 1, if any could not.
"""

import sys

from absl import flags

from tools import binary

_MODEL = flags.DEFINE_string(
    "model",
    None,
    "Folder of a finished run, or of a SavedModel.",
    required=True,
)
_IMAGES = flags.DEFINE_multi_string(
    "images",
    None,
    "Folder, file or pattern such as '*.jpg' or '**/*.jpg'; may be repeated.",
    required=True,
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The CSV file to write.", required=True
)
_PER_CLASS = flags.DEFINE_bool(
    "per_class", False, "Also the probability of every class."
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    import tqdm

    from pipeline.serving import file_prediction

    count, unread = file_prediction.predict_files(
        _MODEL.value,
        _IMAGES.value,
        _OUTPUT.value,
        _PER_CLASS.value,
        lambda batches, total: tqdm.tqdm(batches, total=total, unit="batch"),
    )
    print(f"{count - unread} of {count} images predicted: {_OUTPUT.value}")
    if unread:
        print(
            f"{unread} could not be read; column `error` says why",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    binary.run(main)
