"""The pipeline as the engine compiles it for a cluster."""

import json

import pytest
from kfp import compiler
from kfp import components

from configs.pipeline import demo
from pipeline import configuration
from pipeline import definition
from pipeline import kubeflow_components


@pytest.fixture
def config(source):
    config = demo.get_config("smoke")
    config.source.data.source = source
    config.target.data.source = source
    config.seeds = (0, 3)
    return config


@pytest.fixture
def make_spec(tmp_path):
    """Compiles a config to IR YAML and has the engine read that."""

    def make(config):
        path = tmp_path / "pipeline.yaml"
        pipeline = definition.make_pipeline(config, tmp_path / "workdir")
        compiler.Compiler().compile(pipeline, str(path))
        return components.load_component_from_file(str(path)).pipeline_spec

    return make


def constants_of(task):
    """Returns the constant parameters of a task by name."""
    return {
        name: value.runtime_value.constant
        for name, value in task.inputs.parameters.items()
        if value.HasField("runtime_value")
    }


def tasks_of(spec):
    """Returns the tasks by name; the loop's is called "loop"."""
    return {
        "loop" if name.startswith("for-loop") else name: task
        for name, task in spec.root.dag.tasks.items()
    }


class MakePipelineTest:
    def test_stages_and_what_they_wait_for(self, make_spec, config):
        spec = make_spec(config)
        tasks = tasks_of(spec)
        waits = {
            name: {
                "loop" if other.startswith("for-loop") else other
                for other in task.dependent_tasks
            }
            for name, task in tasks.items()
        }
        assert waits == {
            "example-gen": set(),
            "example-gen-2": set(),
            "meta-trainer": {"example-gen"},
            "phi-exporter": {"meta-trainer"},
            "loop": {"example-gen-2", "phi-exporter"},
            "evaluator": {"example-gen-2", "meta-trainer", "loop"},
            "pusher": {"evaluator"},
        }
        body = spec.components[tasks["loop"].component_ref.name]
        assert list(body.dag.tasks) == ["target-trainer"]

    def test_one_training_a_method_and_seed(self, make_spec, config):
        loop = tasks_of(make_spec(config))["loop"]
        assert json.loads(loop.parameter_iterator.items.raw) == [
            {"method": "base", "seed": "0"},
            {"method": "base", "seed": "3"},
            {"method": "meta_perturb", "seed": "0"},
            {"method": "meta_perturb", "seed": "3"},
        ]

    def test_stages_run_in_our_image(self, make_spec, config):
        executors = make_spec(config).deployment_spec["executors"]
        assert len(executors) == 7  # ExampleGen twice
        for executor in executors.values():
            container = executor["container"]
            assert container["image"] == kubeflow_components.IMAGE
            assert "pip install" not in " ".join(container["command"])

    def test_config_arrives_whole(self, make_spec, config):
        tasks = tasks_of(make_spec(config))
        stored = constants_of(tasks["meta-trainer"])["config"].string_value
        assert stored == configuration.to_json(config.source)
        target = constants_of(tasks["example-gen-2"])
        assert target["image_size"].number_value == 16
        assert target["source"].string_value == config.target.data.source

    def test_other_bytes_of_the_target_change_its_stages_alone(
        self, make_spec, config, source, tmp_path
    ):
        def fingerprints():
            return {
                name: constants_of(task)["fingerprint"].string_value
                for name, task in tasks_of(make_spec(config)).items()
                if name != "loop"
            }

        copy = tmp_path / "target.npz"
        with open(source.removeprefix("npz:"), "rb") as stream:
            copy.write_bytes(stream.read())
        config.target.data.source = f"npz:{copy}"
        before = fingerprints()
        copy.write_bytes(copy.read_bytes() + b"\0")
        after = fingerprints()
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"example-gen-2"}

    @pytest.mark.parametrize("part", ["source", "target"])
    def test_missing_data(self, config, tmp_path, part):
        config[part].data.source = f"npz:{tmp_path / 'none.npz'}"
        with pytest.raises(FileNotFoundError, match="none.npz"):
            definition.make_pipeline(config, tmp_path)
