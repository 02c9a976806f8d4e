r"""Writes an image data set of any size as shards, on Apache Beam.

    .venv-beam/bin/python -m tools.generate_examples \
        --source=folder:photos --image_size=84 --output=photos_84
    .venv-beam/bin/python -m tools.generate_examples \
        --source=folder:gs://bucket/photos --image_size=84 \
        --output=gs://bucket/photos_84 --beam=--runner=DataflowRunner \
        --beam=--project=PROJECT --beam=--sdk_container_image=IMAGE

Needs the environment of requirements/beam.txt (`make test-beam`). The
trainings of the main environment then read `tfrecord:photos_84`.
"""

from absl import flags

from tools import binary

_SOURCE = flags.DEFINE_string(
    "source", None, "folder:PATH or tfds:NAME; PATH or URI.", required=True
)
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size", None, "Height and width in pixels.", required=True
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the shards, a path or URI.", required=True
)
_BEAM = flags.DEFINE_multi_string(
    "beam", [], "An option that goes to Beam as it is; may be repeated."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Where TensorFlow Datasets keeps prepared data."
)
_MANUAL_DIR = flags.DEFINE_string(
    "manual_dir", None, "Where TensorFlow Datasets finds data put there."
)
_TEST_FRACTION = flags.DEFINE_float(
    "test_fraction", 0.2, "Test share of a folder without train and test."
)
_SEED = flags.DEFINE_integer("seed", 0, "Decides which images these are.")
_EXAMPLES_PER_SHARD = flags.DEFINE_integer(
    "examples_per_shard", None, "Default: as many as make 64 MiB."
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline.stages import example_gen

    manifest = example_gen.beam_example_gen().generate_shards(
        _SOURCE.value,
        _IMAGE_SIZE.value,
        _OUTPUT.value,
        beam_options=_BEAM.value,
        data_dir=_DATA_DIR.value,
        manual_dir=_MANUAL_DIR.value,
        test_fraction=_TEST_FRACTION.value,
        seed=_SEED.value,
        examples_per_shard=_EXAMPLES_PER_SHARD.value,
    )
    shards = sum(map(len, manifest["shards"].values()))
    print(
        f"tfrecord:{_OUTPUT.value}: {manifest['train_examples']} training and "
        f"{manifest['test_examples']} test images of "
        f"{len(manifest['class_names'])} classes in {shards} shards"
    )


if __name__ == "__main__":
    binary.run(main)
