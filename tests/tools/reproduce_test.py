"""`python -m tools.reproduce`: every experiment in its smoke form."""

import csv
import dataclasses
import importlib
import json
import pathlib
import xml.etree.ElementTree

import pytest
from PIL import Image

import configs
from configs.experiments import base
from pipeline.experiments import cells
from pipeline.experiments import measures
from pipeline.experiments import paper
from pipeline.experiments import runner
from pipeline.figures import method_styles
from pipeline.trainings import config_names
from pipeline.trainings import few_shot_methods
from tests.tools import processes

FOLDER = pathlib.Path(configs.__file__).parent / "experiments"
NAMES = sorted(
    file.stem
    for file in FOLDER.glob("*.py")
    if "def get_config(" in file.read_text(encoding="utf-8")
)
TABLES = [name for name in NAMES if "table" in name]
OURS = (
    "data_at_hand",
    "few_images",
    "few_images_quick",
    "letters",
    "few_shot_at_hand",
    "few_shot_curves",
    "fine_tuning",
    "small_tasks",
    "small_tasks_confirmation",
)  # of no paper


def config_of(name, argument):
    module = importlib.import_module(f"configs.experiments.{name}")
    return module.get_config(argument)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("tfds")


@pytest.mark.long
@pytest.mark.usefixtures("eagerly")
class SmokeTest:
    @pytest.mark.parametrize("name", NAMES)
    def test_runs_and_writes_its_outputs(self, name, data_dir, tmp_path):
        config = config_of(name, "smoke")
        summary = runner.reproduce(config, tmp_path, data_dir)
        assert summary["failures"] == {}
        assert summary["finished"] >= 2
        written = {pathlib.Path(path).name for path in summary["outputs"]}
        tables = {f"{name}{end}" for end in (".md", ".csv", "_runs.csv")}
        assert tables <= written
        pictures = [file for file in written if file.endswith(".png")]
        assert bool(pictures) == bool(config.measure_names)
        for file in pictures:
            with Image.open(tmp_path / file) as picture:
                assert min(picture.size) > 200
            svg = (tmp_path / file).with_suffix(".svg")
            xml.etree.ElementTree.parse(svg)
        with open(tmp_path / f"{name}.csv", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        assert all(0 <= float(line["mean"]) <= 100 for line in lines)


@pytest.mark.long
class BinaryTest:
    def test_prints_its_summary_and_resumes(self, tmp_path, data_dir):
        arguments = (
            "reproduce",
            "--config=configs/experiments/figure6.py:smoke",
            "--config.only_columns=('digits for STL10',)",
            f"--workdir={tmp_path}",
            f"--data_dir={data_dir}",
        )
        for _ in range(2):
            output = processes.succeed(*arguments)
            assert (
                "[1/1] MetaPerturb, digits for STL10, seed 0: accuracy"
                in output
            )
        summary = json.loads(output[output.index("{") :])
        assert summary["finished"] == 1

    def test_unknown_profile_and_failed_cell(self, tmp_path, data_dir):
        code, _, errors = processes.run(
            "reproduce",
            "--config=configs/experiments/table1.py:fast",
            f"--workdir={tmp_path}",
        )
        assert code == 1
        assert "('smoke', 'cpu', 'paper')" in errors
        code, output, _ = processes.run(
            "reproduce",
            "--config=configs/experiments/data_at_hand.py",
            "--config.only_columns=('Cars',)",
            "--config.only_rows=('Base',)",
            f"--config.manual_dir={tmp_path}",
            f"--workdir={tmp_path}",
        )
        assert code == 1
        assert "cars_subset_84.npz" in output


class ConfigsTest:
    @pytest.mark.parametrize(
        ("name", "profile"),
        [
            (name, profile)
            for name in NAMES
            for profile in base.PROFILES
            if not (name in OURS and profile == "paper")
        ],
    )
    def test_names_things_that_exist(self, name, profile):
        config = config_of(name, profile)
        assert config.name == name
        measures.check_measures(config)
        assert set(config.measures) <= set(config.measure_names)
        for cell in cells.expand(config):
            if config.task == "few_shot":
                few_shot_methods.make_perturbation(cell.config)
            else:
                config_names.check_method(cell.config.method)
            method_styles.style_of(cell.row.style)
        for chosen, entries in (
            (config.only_rows, config.rows),
            (config.only_columns, config.columns),
        ):
            assert set(chosen) <= {entry.name for entry in entries}
        json.dumps(config.to_dict(), default=dataclasses.asdict)

    @pytest.mark.parametrize("name", TABLES)
    def test_every_figure_of_the_paper_has_its_cell(self, name):
        config = config_of(name, "paper")
        ours = {
            (row.paper, column.paper)
            for row in config.rows
            for column in config.columns
        }
        printed = {
            (row, column)
            for source, table, row, column in paper._values()
            if source == config.paper and table == config.paper_table
        }
        quoted = {pair for pair in printed if pair[0] in config.quoted_rows}
        assert {row for row, _ in quoted} == set(config.quoted_rows)
        assert ours and printed == (ours & printed) | quoted

    def test_paper_profile_is_that_of_appendix_c(self):
        config = config_of("table1", "paper")
        phi = config.phis[base.PAPER_PHI]
        for part in (config.source_classifier, phi):
            assert part.data.source == "paper:tiny_imagenet"  # all of it
        for part in (config.target, phi):
            assert (part.steps, part.batch_size) == (10_000, 128)
            assert part.learning_rate_drops == (0.4, 0.7, 0.9)
        assert (phi.tasks, phi.task_split) == (10, "class_wise")
        sizes = {c.name: c.set["image_size"] for c in config.columns}
        assert sizes == {
            "STL10": 32,
            "s-CIFAR100": 32,
            "Dogs": 84,
            "Cars": 84,
            "Aircraft": 84,
            "CUB": 84,
        }

    @pytest.mark.parametrize("name", ["table1", "table2", "figure5"])
    @pytest.mark.parametrize("profile", ["cpu", "paper"])
    def test_rivals_are_tuned(self, name, profile):
        for cell in cells.expand(config_of(name, profile)):
            tuned = cell.column.tuned
            assert {"drop_block", "manifold_mixup"} <= set(tuned)
            assert cell.column.tuned_on.startswith("subset:")

    def test_the_same_training_is_one_cell_in_all_experiments(self):
        folders = {}  # digest of the config -> names of its folders
        for name in NAMES:
            for cell in cells.expand(config_of(name, "cpu")):
                if cell.row.phi or cell.row.fine_tuned:
                    continue
                digest = cells.content_digest(cells.without_places(cell.config))
                folder = cell.folder("work", [])
                folders.setdefault(digest, set()).add(folder)
        assert {len(names) for names in folders.values()} == {1}

    def test_few_shot_paper_profile_is_that_of_section_4(self):
        config = config_of("few_shot_table1", "paper")
        found = {
            cell.column.name: cell.config
            for cell in cells.expand(config)
            if cell.row.name == "MAML + Meta-dropout"
        }
        protocol = {
            name: (
                (run.ways, run.shots, run.image_size, run.channels),
                (run.tasks, run.steps, run.inner_rate, run.learning_rate),
            )
            for name, run in found.items()
        }
        assert protocol == {
            "Omniglot 20-way 1-shot": (
                (20, 1, 28, 64),
                (8, 40_000, 0.1, 1e-3),
            ),
            "Omniglot 20-way 5-shot": (
                (20, 5, 28, 64),
                (6, 40_000, 0.4, 1e-3),
            ),
            "miniImageNet 5-way 1-shot": (
                (5, 1, 84, 32),
                (4, 60_000, 0.01, 1e-4),
            ),
            "miniImageNet 5-way 5-shot": (
                (5, 5, 84, 32),
                (4, 60_000, 0.01, 1e-4),
            ),
        }
        assert all(run.test_episodes == 1000 for run in found.values())
        assert all(run.inner_steps == 5 for run in found.values())

    def test_unknown_profile_lists_the_valid_ones(self):
        with pytest.raises(ValueError, match="'smoke', 'cpu', 'paper'"):
            config_of("table1", "gpu")
        for name in OURS:
            with pytest.raises(ValueError, match="'smoke', 'cpu'.*'paper'"):
                config_of(name, "paper")
