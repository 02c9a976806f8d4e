"""The pipeline as the engine compiles it for a cluster."""

import json

import pytest
from kfp import compiler
from kfp import components

from pipeline import fingerprints
from pipeline.kubeflow import components as kubeflow_components
from pipeline.kubeflow import definition


@pytest.fixture
def config(config):
    config.seeds = (0, 3)
    return config


@pytest.fixture
def make_spec(tmp_path):
    """Compiles a config to IR YAML and has the engine read that."""

    def make(config, on_cluster=True, **options):
        path = tmp_path / "pipeline.yaml"
        pipeline = definition.make_pipeline(
            config, tmp_path / "workdir", on_cluster=on_cluster, **options
        )
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


def name_of(task_name):
    """Returns a task's name; a loop's number is left out."""
    return "loop" if task_name.startswith("for-loop") else task_name


def tasks_of(dag):
    return {name_of(name): task for name, task in dag.tasks.items()}


def waits_of(tasks):
    """Returns {task: the tasks that it waits for}."""
    return {
        name: set(map(name_of, task.dependent_tasks))
        for name, task in tasks.items()
    }


def dag_of(spec, task):
    return spec.components[task.component_ref.name].dag


def loop_over_targets(spec):
    return tasks_of(spec.root.dag)["loop"]


def target_dag(spec):
    """Returns the graph of the pipeline of one target."""
    body = dag_of(spec, loop_over_targets(spec))
    assert list(body.tasks) == ["target"]
    return dag_of(spec, body.tasks["target"])


def items_of(spec):
    return json.loads(loop_over_targets(spec).parameter_iterator.items.raw)


class MakePipelineTest:
    def test_stages_and_what_they_wait_for(self, make_spec, config):
        spec = make_spec(config)
        assert waits_of(tasks_of(spec.root.dag)) == {
            "example-gen": set(),
            "meta-trainer": {"example-gen"},
            "phi-exporter": {"meta-trainer"},
            "loop": {"example-gen", "meta-trainer", "phi-exporter"},
            "reporter": {"loop"},
        }
        tasks = tasks_of(target_dag(spec))
        assert waits_of(tasks) == {
            "example-gen": set(),
            "loop": {"example-gen"},
            "evaluator": {"example-gen", "loop"},
            "pusher": {"evaluator", "loop"},
        }
        body = dag_of(spec, tasks["loop"])
        assert list(body.tasks) == ["target-trainer"]

    @pytest.mark.parametrize(
        ("together", "seeds"), [(1, ("[0]", "[3]")), (5, ("[0, 3]",))]
    )
    def test_one_training_a_method_and_seeds(
        self, make_spec, config, together, seeds
    ):
        config.seeds_together = together
        loop = tasks_of(target_dag(make_spec(config)))["loop"]
        assert json.loads(loop.parameter_iterator.items.raw) == [
            {"method": method, "seeds": text}
            for method in ("base", "meta_perturb")
            for text in seeds
        ]

    def test_tuner_comes_before_the_trainings(self, make_spec, config):
        config.tuner.tasks = 2
        tasks = tasks_of(target_dag(make_spec(config)))
        waits = waits_of(tasks)
        assert waits["tuner"] == {"example-gen"}
        assert waits["loop"] == {"example-gen", "tuner"}
        assert waits["evaluator"] == {"example-gen", "loop", "tuner"}
        stored = constants_of(tasks["tuner"])
        assert json.loads(stored["settings"].string_value)["tasks"] == 2
        methods = json.loads(stored["methods"].string_value)
        assert methods == list(config.methods)

    def test_config_arrives_whole(self, make_spec, config):
        config.target.data.keep_repeated = True
        spec = make_spec(config)
        tasks = tasks_of(spec.root.dag)
        stored = constants_of(tasks["meta-trainer"])["config"].string_value
        assert stored == fingerprints.to_json(config.source)
        (item,) = items_of(spec)
        assert item["config"] == fingerprints.to_json(config.target)
        options = json.loads(item["examples"])
        assert options["keep_repeated"]
        assert options["image_size"] == 16
        assert options["source"] == config.target.data.source

    def test_shards_only_with_beam_options(self, make_spec, config, tmp_path):
        def options_of(spec):
            task = tasks_of(spec.root.dag)["example-gen"]
            source = constants_of(task)["options"].string_value
            (item,) = items_of(spec)
            return json.loads(source), json.loads(item["examples"])

        for options in options_of(make_spec(config)):
            assert not {"shards", "beam_options"} & set(options)
        config.beam_options = ("--runner=DataflowRunner", "--project=x")
        config.target.image_size = 12  # other examples, another place
        before, after = options_of(make_spec(config))
        assert before["beam_options"] == list(config.beam_options)
        for options in (before, after):
            assert options["shards"].startswith(f"{tmp_path}/workdir/examples/")
        assert before["shards"] != after["shards"]

    def test_an_item_for_every_target(self, make_spec, config):
        config.targets = (
            {"label": "few", "data.examples_per_class": 2},
            {"label": "small", "image_size": 24},
        )
        few, small = items_of(make_spec(config))
        assert (few["label"], small["label"]) == ("few", "small")
        config_of_few = fingerprints.from_json(few["config"])
        assert config_of_few.data.examples_per_class == 2
        assert json.loads(small["examples"])["image_size"] == 24

    def test_places_in_a_store(self, config, tmp_path):
        path = tmp_path / "pipeline.yaml"
        pipeline = definition.make_pipeline(
            config, "gs://bucket/sweep/", on_cluster=True
        )
        compiler.Compiler().compile(pipeline, str(path))
        text = path.read_text()
        for place in ("runs", "serving", "tensorflow_datasets"):
            assert f"gs://bucket/sweep/{place}" in text

    def test_other_bytes_of_the_target_change_its_stages_alone(
        self, make_spec, config, source, tmp_path
    ):
        def fingerprints():
            spec = make_spec(config)
            (item,) = items_of(spec)
            tasks = tasks_of(spec.root.dag)
            return {"target": item["fingerprint"]} | {
                name: constants_of(task)["fingerprint"].string_value
                for name, task in tasks.items()
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
        assert changed == {"target"}

    @pytest.mark.parametrize("part", ["source", "target"])
    def test_missing_data(self, config, tmp_path, part):
        config[part].data.source = f"npz:{tmp_path / 'none.npz'}"
        with pytest.raises(FileNotFoundError, match="none.npz"):
            definition.make_pipeline(config, tmp_path)


class OnClusterTest:
    """Image, resources, retries and caching of the stages."""

    def test_image_is_a_parameter_of_the_pipeline(self, make_spec, config):
        spec = make_spec(config, image="registry.example/mp-keras:7")
        parameter = spec.root.input_definitions.parameters["image"]
        assert parameter.default_value.string_value == (
            "registry.example/mp-keras:7"
        )
        executors = spec.deployment_spec["executors"]
        assert len(executors) == 8  # ExampleGen twice
        for executor in executors.values():
            container = executor["container"]
            assert "pipelinechannel--image" in container["image"]
            assert "pip install" not in " ".join(container["command"])

    def test_resources(self, make_spec, config):
        stage = config.stages.meta_trainer
        stage.cpu, stage.memory = "500m", "3G"
        stage.accelerator, stage.accelerators = "nvidia.com/gpu", 2
        executors = make_spec(config).deployment_spec["executors"]
        resources = executors["exec-meta-trainer"]["container"]["resources"]
        assert resources["cpuRequest"] == 0.5
        assert resources["memoryRequest"] == 3.0
        assert resources["accelerator"]["resourceType"] == "nvidia.com/gpu"
        assert resources["accelerator"]["resourceCount"] == "2"

    def test_nothing_is_requested_where_nothing_is_set(self, make_spec, config):
        config.stages.pusher.cpu = config.stages.pusher.memory = ""
        executors = make_spec(config).deployment_spec["executors"]
        assert "resources" not in executors["exec-pusher"]["container"]

    def test_retries(self, make_spec, config):
        config.stages.evaluator.retries = 5
        config.stages.pusher.retries = 0
        tasks = tasks_of(target_dag(make_spec(config)))
        assert tasks["evaluator"].retry_policy.max_retry_count == 5
        assert tasks["evaluator"].retry_policy.backoff_duration.seconds == 60
        assert not tasks["pusher"].HasField("retry_policy")

    def test_caching(self, make_spec, config):
        config.stages.meta_trainer.caching = False
        tasks = tasks_of(make_spec(config).root.dag)
        assert not tasks["meta-trainer"].caching_options.enable_cache
        assert tasks["example-gen"].caching_options.enable_cache

    def test_targets_at_a_time(self, make_spec, config):
        config.parallel_targets = 3
        loop = loop_over_targets(make_spec(config))
        assert loop.iterator_policy.parallelism_limit == 3

    def test_on_one_machine_only_caching_counts(self, make_spec, config):
        config.stages.example_gen.caching = False
        spec = make_spec(config, on_cluster=False)
        tasks = tasks_of(spec.root.dag)
        assert not tasks["example-gen"].caching_options.enable_cache
        assert not tasks["meta-trainer"].HasField("retry_policy")
        for executor in spec.deployment_spec["executors"].values():
            assert executor["container"]["image"] == kubeflow_components.IMAGE
            assert "resources" not in executor["container"]
        assert loop_over_targets(spec).iterator_policy.parallelism_limit == 1
