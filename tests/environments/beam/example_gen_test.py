"""ExampleGen on Apache Beam, run by Beam on this machine."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import apache_beam
import fsspec
import numpy as np
import pytest
from kfp import compiler
from kfp import components
from kfp import dsl
from PIL import Image

from configs.pipeline import demo
from pipeline import datasets
from pipeline.beam.example_gen import generate_shards
from pipeline.kubeflow import components as kubeflow_components
from pipeline.kubeflow import definition
from pipeline.stages import example_gen as stage
from pipeline.storage import artifact_store

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_CLASSES = ("ant", "bee", "cow")
# What DirectRunner comes to where it finds no other one to download.
_RUNNER = ("--runner=FnApiRunner",)


@pytest.fixture
def folder(tmp_path):
    """Three classes of 6 images; their sizes vary."""
    generator = np.random.default_rng(0)
    for name in _CLASSES:
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(6):
            shape = (9 + index, 14, 3)
            image = generator.integers(0, 256, shape, np.uint8)
            path = tmp_path / "images" / name / f"{index}.png"
            Image.fromarray(image).save(path)
    return tmp_path / "images"


@pytest.fixture
def uri(tmp_path):
    return f"memory://beam_test/{tmp_path.name}"


def generate(folder, directory, **changes):
    options = {"beam_options": _RUNNER, "examples_per_shard": 4, **changes}
    return generate_shards(f"folder:{folder}", 8, directory, **options)


def load(place, **options):
    return datasets.load_images(f"tfrecord:{place}", image_size=8, **options)


class GenerateShardsTest:
    @pytest.mark.parametrize("options", [(), ("--runner=DirectRunner",)])
    def test_same_data_as_in_memory(self, folder, tmp_path, options):
        cut = {"test_fraction": 0.5, "seed": 3}
        generate(folder, tmp_path / "out", beam_options=options, **cut)
        data = datasets.load_images(f"folder:{folder}", image_size=8, **cut)
        for limit in (None, 1e-9):  # in memory, from disk
            found = load(tmp_path / "out", memory_gib=limit)
            assert found.pixel_digest() == data.pixel_digest()

    def test_manifest_and_files(self, folder, tmp_path):
        manifest = generate(folder, tmp_path / "out")
        stored = json.loads((tmp_path / "out" / "examples.json").read_text())
        assert stored == manifest
        assert manifest["class_names"] == list(_CLASSES)
        assert manifest["train_examples"] == 15
        assert manifest["test_examples"] == 3
        names = {
            shard["name"]
            for shards in manifest["shards"].values()
            for shard in shards
        }
        assert len(names) == 5
        found = {file.name for file in (tmp_path / "out").iterdir()}
        indices = {f"{name}.index.npy" for name in names}
        assert found == names | indices | {"examples.json"}

    def test_digest_follows_the_pixels(self, folder, tmp_path):
        first = generate(folder, tmp_path / "a")["digest"]
        assert generate(folder, tmp_path / "b")["digest"] == first
        Image.new("RGB", (8, 8)).save(folder / "ant" / "0.png")
        assert generate(folder, tmp_path / "a")["digest"] != first

    def test_from_store_to_store(self, folder, uri):
        artifact_store.upload(folder, f"{uri}/images")
        for per_shard in (2, 4):  # the second leaves no shard of the first
            manifest = generate(
                f"{uri}/images", f"{uri}/out", examples_per_shard=per_shard
            )
        names = artifact_store.names_in(f"{uri}/out")
        shards = sum(map(len, manifest["shards"].values()))
        assert len(names) == 1 + 2 * shards  # and their indices
        data = datasets.load_images(f"folder:{folder}", image_size=8)
        assert load(f"{uri}/out").pixel_digest() == data.pixel_digest()

    def test_tfds(self, tmp_path):
        options = {"data_dir": str(tmp_path / "tfds")}
        generate_shards(
            "tfds:digits",
            8,
            tmp_path / "out",
            beam_options=_RUNNER,
            examples_per_shard=600,
            **options,
        )
        data = datasets.load_images("tfds:digits", image_size=8, **options)
        assert load(tmp_path / "out").pixel_digest() == data.pixel_digest()


class BadInputTest:
    def test_damaged_image(self, folder, tmp_path):
        broken = folder / "bee" / "2.png"
        broken.write_bytes(broken.read_bytes()[:60])
        with pytest.raises(ValueError, match="^.*bee/2.png must be a complete"):
            generate(folder, tmp_path / "out")
        assert os.listdir(tmp_path) == ["images"]

    def test_damaged_image_in_a_store_leaves_no_manifest(self, folder, uri):
        artifact_store.upload(folder, f"{uri}/images")
        generate(f"{uri}/images", f"{uri}/out")
        fsspec.filesystem("memory").pipe(f"{uri}/images/bee/2.png", b"x")
        with pytest.raises(ValueError, match="bee/2.png must be a complete"):
            generate(f"{uri}/images", f"{uri}/out")
        assert "examples.json" not in artifact_store.names_in(f"{uri}/out")
        with pytest.raises(FileNotFoundError, match="written last"):
            load(f"{uri}/out")

    def test_empty_class(self, folder, tmp_path):
        (folder / "dog").mkdir()
        with pytest.raises(ValueError, match="dog must hold at least one"):
            generate(folder, tmp_path / "out")

    def test_places_that_are_not_there(self, tmp_path, folder):
        with pytest.raises(FileNotFoundError, match="none must name a folder"):
            generate(tmp_path / "none", tmp_path / "out")
        with pytest.raises(ConnectionError, match="nowhere://bucket"):
            generate("nowhere://bucket", tmp_path / "out")
        with pytest.raises(ConnectionError, match="nowhere://bucket"):
            generate(folder, "nowhere://bucket")

    def test_place_that_breaks_down_under_a_worker(
        self, folder, uri, monkeypatch
    ):
        def break_down(uri):
            raise ConnectionError(f"Store {uri} must be reachable. Received: x")

        artifact_store.upload(folder, f"{uri}/images")
        monkeypatch.setattr(artifact_store, "read_bytes", break_down)
        message = "^Store memory://.* must be reachable. Received: x$"
        with pytest.raises(ConnectionError, match=message):
            generate(f"{uri}/images", f"{uri}/out")

    def test_worker_that_fails(self, folder, tmp_path, monkeypatch):
        def fail(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(
            "pipeline.datasets.tfrecord_shards.write_shard", fail
        )
        with pytest.raises(ChildProcessError, match="No space left on device"):
            generate(folder, tmp_path / "out")
        assert os.listdir(tmp_path) == ["images"]

    @pytest.mark.parametrize(
        ("option", "reason"),
        [
            ("--runner=NoRunner", "Unexpected pipeline runner: NoRunner"),
            ("--direct_num_workers=two", "invalid int value: 'two'"),
            ("--runner=DataflowRunner", "Missing required option: region"),
        ],
    )
    def test_wrong_options(self, folder, tmp_path, option, reason):
        with pytest.raises(ValueError, match=f"beam_options.*{reason}"):
            generate(folder, tmp_path / "out", beam_options=(option,))

    def test_one_string_of_options(self, folder, tmp_path):
        with pytest.raises(ValueError, match="must be a sequence of strings"):
            generate(folder, tmp_path / "out", beam_options="--runner=x")

    @pytest.mark.parametrize("source", ["npz:x.npz", "folder:", "photos"])
    def test_other_source(self, source, tmp_path):
        with pytest.raises(ValueError, match="folder:PATH or tfds:NAME"):
            generate_shards(source, 8, tmp_path / "out")


class ToolTest:
    def run(self, *arguments):
        return [sys.executable, "-m", "tools.generate_examples", *arguments]

    def test_options_reach_beam(self, folder, tmp_path):
        command = self.run(
            f"--source=folder:{folder}",
            "--image_size=8",
            f"--output={tmp_path / 'out'}",
            "--beam=--runner=FnApiRunner",
            "--beam=--direct_num_workers=2",
        )
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, check=True
        )
        assert "15 training and 3 test images of 3 classes" in done.stdout
        assert load(tmp_path / "out").class_names == _CLASSES

    def test_killed_run_leaves_no_data_set(self, folder, tmp_path):
        for index in range(500):
            Image.new("RGB", (64, 64)).save(folder / "ant" / f"x{index}.bmp")
        command = self.run(
            f"--source=folder:{folder}",
            "--image_size=84",
            f"--output={tmp_path / 'out'}",
            "--examples_per_shard=1",
            "--beam=--runner=FnApiRunner",
        )
        process = subprocess.Popen(command, cwd=_ROOT)
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".partial-out-*/train-*")):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "out").exists()
        generate(folder, tmp_path / "out", examples_per_shard=1000)
        assert len(load(tmp_path / "out").train_labels) > 400


class StageTest:
    def test_pointer_leads_to_the_shards(self, folder, tmp_path):
        arguments = (f"folder:{folder}", 8, tmp_path / "a", tmp_path / "shards")
        made = stage.generate_shards(*arguments, beam_options=_RUNNER)
        assert made["classes"] == 3 and made["train_examples"] == 15
        source = stage.examples_source(tmp_path / "a")
        assert source == f"tfrecord:{tmp_path / 'shards'}"
        data = datasets.load_images(source, image_size=8)
        assert len(data.test_labels) == 3

    def test_whole_shards_are_taken_as_they_are(self, folder, tmp_path):
        arguments = (f"folder:{folder}", 8, tmp_path / "a", tmp_path / "shards")
        first = stage.generate_shards(*arguments, beam_options=_RUNNER)
        wrong = ("--runner=NoRunner",)
        assert stage.generate_shards(*arguments, beam_options=wrong) == first

    def test_component_of_the_pipeline(self, folder, tmp_path):
        config = demo.get_config("smoke")
        config.beam_options = _RUNNER
        config.source.data.source = f"folder:{folder}"
        spec = tmp_path / "pipeline.yaml"
        pipeline = definition.make_pipeline(config, tmp_path / "workdir")
        compiler.Compiler().compile(pipeline, str(spec))
        spec = components.load_component_from_file(str(spec)).pipeline_spec
        inputs = spec.root.dag.tasks["example-gen"].inputs.parameters
        options = inputs["options"].runtime_value.constant.string_value
        examples = dsl.Dataset(uri=str(tmp_path / "examples"))
        kubeflow_components.example_gen.python_func(
            examples=examples, options=options, data_dir="", fingerprint=""
        )
        assert examples.metadata["train_examples"] == 15
        source = stage.examples_source(examples.path)
        assert source.startswith(f"tfrecord:{tmp_path}/workdir/examples/")
        assert datasets.load_images(source, image_size=16).class_names == (
            _CLASSES
        )


def test_version_of_beam_is_the_pinned_one():
    requirements = (_ROOT / "requirements/beam.txt").read_text()
    assert f"apache-beam=={apache_beam.__version__} " in requirements
