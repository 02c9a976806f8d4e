"""Compiling for a cluster: a whole file or none, and an image that exists."""

import os

import pytest
import yaml

from configs.pipeline import demo
from pipeline.kubeflow import cluster_compile

IMAGE = "registry.example/mp-keras:1"


@pytest.fixture
def config(source):
    config = demo.get_config("smoke")
    config.source.data.source = source
    config.target.data.source = source
    return config


class CompilePipelineTest:
    def test_file_is_the_pipeline(self, config, tmp_path):
        file = tmp_path / "new" / "pipeline.yaml"
        cluster_compile.compile_pipeline(
            config, "gs://bucket/demo", file, IMAGE
        )
        (spec,) = yaml.safe_load_all(file.read_text())
        assert spec["pipelineInfo"]["name"] == "mp-keras-demo"
        image = spec["root"]["inputDefinitions"]["parameters"]["image"]
        assert image["defaultValue"] == IMAGE

    def test_old_file_stays_if_it_fails(self, config, tmp_path):
        file = tmp_path / "pipeline.yaml"
        file.write_text("old")
        with pytest.raises(ValueError, match="must be NAME:TAG"):
            cluster_compile.compile_pipeline(config, tmp_path, file, "image")
        config.target.data.source = "npz:none.npz"
        with pytest.raises(FileNotFoundError, match="none.npz"):
            cluster_compile.compile_pipeline(config, tmp_path, file, IMAGE)
        assert file.read_text() == "old"
        assert [path.name for path in tmp_path.iterdir()] == ["pipeline.yaml"]

    def test_name_of_the_file(self, config, tmp_path):
        with pytest.raises(ValueError, match="must be a .yaml file"):
            cluster_compile.compile_pipeline(
                config, tmp_path, tmp_path / "pipeline.json", IMAGE
            )


class CheckImageExistsTest:
    @pytest.fixture
    def make_docker(self, tmp_path, monkeypatch):
        """Puts a `docker` of our own, a shell script, on the PATH."""

        def make(script):
            file = tmp_path / "docker"
            file.write_text(f"#!/bin/sh\n{script}\n")
            file.chmod(0o755)
            monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

        return make

    def test_image_that_is_there(self, make_docker):
        make_docker(f'[ "$*" = "manifest inspect {IMAGE}" ]')
        cluster_compile.check_image_exists(IMAGE)

    def test_tag_that_does_not_exist(self, make_docker):
        make_docker("echo manifest unknown >&2; exit 1")
        with pytest.raises(
            ValueError, match=f"Image {IMAGE} must exist .*manifest unknown"
        ):
            cluster_compile.check_image_exists(IMAGE)

    def test_registry_that_does_not_answer(self, make_docker, monkeypatch):
        make_docker("exec sleep 30")
        monkeypatch.setattr(cluster_compile, "_TIMEOUT_S", 0.2)
        with pytest.raises(ValueError, match="must answer within 0.2 s"):
            cluster_compile.check_image_exists(IMAGE)

    def test_no_docker(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ValueError, match="needs the command `docker`"):
            cluster_compile.check_image_exists(IMAGE)
