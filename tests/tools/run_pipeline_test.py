"""`tools.run_pipeline --compile`; running it is in local_run_test.py."""

import pytest
import yaml

from tests import squares
from tests.tools import processes


@pytest.fixture
def options(tmp_path):
    """The flags of a pipeline on data that are there."""
    data = squares.write_npz(tmp_path / "squares.npz")
    return [
        "--config=configs/pipeline/demo.py:smoke",
        "--workdir=gs://bucket/demo",
        f"--config.source.data.source={data}",
        f"--config.target.data.source={data}",
    ]


class CompileTest:
    def test_with_settings_and_image(self, options, tmp_path):
        file = tmp_path / "pipeline.yaml"
        output = processes.succeed(
            "run_pipeline",
            *options,
            f"--compile={file}",
            "--image=registry.example/mp-keras:7",
            "--config.stages.meta_trainer.memory=32G",
        )
        assert output == (
            f"Compiled for image registry.example/mp-keras:7: {file}\n"
        )
        (spec,) = yaml.safe_load_all(file.read_text())
        executors = spec["deploymentSpec"]["executors"]
        container = executors["exec-meta-trainer"]["container"]
        assert container["resources"]["memoryRequest"] == 32.0

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (["--compile=p.yaml", "--image=name"], "must be NAME:TAG"),
            (["--image=name:1"], "must come with --compile"),
            ([], "needs a folder on this machine"),
        ],
        ids=["no tag", "no compile", "run in a store"],
    )
    def test_mistake_is_one_line(self, options, flags, message):
        code, output, errors = processes.run("run_pipeline", *options, *flags)
        assert (code, output) == (1, "")
        (line,) = errors.splitlines()
        assert line.startswith("Error: ")
        assert message in line
