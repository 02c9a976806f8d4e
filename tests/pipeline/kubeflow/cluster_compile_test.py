"""Compiling for a cluster: a whole file or none, and an image that exists."""

import pytest
import yaml

from pipeline.kubeflow import cluster_compile

IMAGE = "registry.example/mp-keras:1"


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

    def test_places_of_this_machine_are_told(self, config, tmp_path, caplog):
        file = tmp_path / "pipeline.yaml"
        for workdir in ("gs://bucket/demo", tmp_path / "runs"):
            caplog.clear()
            cluster_compile.compile_pipeline(
                config, workdir, file, IMAGE, "gs://bucket/data"
            )
            data = config.source.data.source.removeprefix("npz:")
            assert f"places of this machine go into {file}" in caplog.text
            told = caplog.text.strip().rpartition(": ")[2].split(", ")
            local = [] if str(workdir).startswith("gs") else [str(workdir)]
            assert told == [*local, data]

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
