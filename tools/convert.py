r"""Converts a trained classifier for other runtimes, without its noise.

    python -m tools.convert --workdir=runs/my_images --format=tflite \
        --output=my_images.tflite
    python -m tools.convert --workdir=runs/my_images --format=onnx \
        --output=my_images.onnx

Takes the `model.keras` of a finished `tools.train_target`. The file takes
uint8 pixels and gives probabilities, from one pass with the mean of the noise;
it is compared with the Keras model before it is written.
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


def main():
    # Late, so that --help and a wrong flag answer at once.
    from mp_keras.export import conversion
    from pipeline.trainings import methods

    difference = conversion.convert_classifier(
        methods.load_network(_WORKDIR.value), _OUTPUT.value, _FORMAT.value
    )
    print(
        f"{_OUTPUT.value}: probabilities differ from the Keras model's by at "
        f"most {difference:.1e}"
    )


if __name__ == "__main__":
    binary.run(main)
