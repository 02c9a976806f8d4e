r"""Converts a trained classifier for other runtimes, without its noise.

    python -m tools.convert --workdir=runs/my_images --format=tflite \
        --output=my_images.tflite
    python -m tools.convert --workdir=runs/my_images --format=onnx \
        --output=my_images.onnx

Takes the `deterministic.keras` of a finished `tools.train_target`, and says
what one pass of it is worth beside the mean of many with noise. The file takes
uint8 pixels and gives probabilities; it is compared with the Keras model before
it is written. What is clearly worse than 2 points of accuracy, by the 95 %
interval over the test images, is written with --allow_loss alone, and so is the
classifier of a run without a `deterministic.keras`, of which nothing is known.
"""

from absl import flags

from tools import binary

_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Folder of a finished run.", required=True
)
# The library knows the formats; its import takes seconds.
_FORMAT = flags.DEFINE_enum(
    "format", None, ["tflite", "onnx"], "What to write.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "The file; an old one is replaced.", required=True
)
_ALLOW_LOSS = flags.DEFINE_bool(
    "allow_loss", False, "Write also what loses accuracy without its noise."
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from mp_keras.export import conversion
    from pipeline.trainings import single_pass

    network, report = single_pass.load(_WORKDIR.value, _ALLOW_LOSS.value)
    difference = conversion.convert_classifier(
        network, _OUTPUT.value, _FORMAT.value
    )
    print(report)
    print(
        f"{_OUTPUT.value}: probabilities differ from the Keras model's by at "
        f"most {difference:.1e}"
    )


if __name__ == "__main__":
    binary.run(main)
