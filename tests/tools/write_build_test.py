"""`BUILD` and what it says of the files."""

import ast
import collections
import graphlib
import os
import sys

import pytest

from tools import write_build

_IGNORED = {"build", "demo", "local_outputs"}  # as .gitignore has it
_APART = (  # no Python of the main environment
    "docs/",
    "pipeline/beam/",
    "tests/environments/beam/",
    "tests/environments/tfa/",
)


@pytest.fixture(scope="module")
def rules():
    """The rules of `BUILD` by name: dicts with `kind` and the arguments.

    Starlark is close enough to Python to be read by `ast`.
    """
    text = (write_build.ROOT / "BUILD").read_text(encoding="utf-8")
    found = {}
    for node in ast.parse(text).body:
        call = node.value
        values = {
            keyword.arg: _value_of(keyword.value) for keyword in call.keywords
        }
        assert len(values) == len(call.keywords), ast.unparse(call)
        if call.func.id.startswith("py_"):
            assert values["name"] not in found
            found[values["name"]] = {"kind": call.func.id, **values}
    return found


def _value_of(node):
    if isinstance(node, ast.List):
        return [_value_of(item) for item in node.elts]
    if isinstance(node, ast.Call):  # requirement("keras")
        return (node.func.id, _value_of(node.args[0]))
    return node.value


def files_of_the_tree():
    for parent, folders, names in os.walk(write_build.ROOT):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in _IGNORED
        ]
        for name in names:
            if name.endswith(".py"):
                path = os.path.join(parent, name)
                yield os.path.relpath(path, write_build.ROOT)


class BuildTest:
    def test_is_current(self):
        text = (write_build.ROOT / "BUILD").read_text(encoding="utf-8")
        assert text == write_build.write_build(write_build.ROOT), (
            "run: python -m tools.write_build"
        )

    def test_every_file_is_in_one_target(self, rules):
        sources = collections.Counter(
            file for rule in rules.values() for file in rule["srcs"]
        )
        assert set(sources) == {
            file for file in files_of_the_tree() if not file.startswith(_APART)
        }
        assert set(sources.values()) == {1}

    def test_targets_are_named_after_their_files(self, rules):
        for name, rule in rules.items():
            assert rule["srcs"] == [f"{name}.py"]

    def test_kinds(self, rules):
        kinds = {name: rule["kind"] for name, rule in rules.items()}
        assert kinds["tools/run_pipeline"] == "py_binary"
        assert kinds["tools/binary"] == "py_library"
        assert kinds["mp_keras/files"] == "py_library"
        for name, kind in kinds.items():
            assert (kind == "py_test") == name.endswith("_test")
            if name.startswith(("configs/", "mp_keras/", "pipeline/")):
                assert kind == "py_library"

    def test_dependencies_of_a_module(self, rules):
        rule = rules["mp_keras/perturbation/exported_module"]
        assert rule["deps"] == [
            ":mp_keras/perturbation/function",
            ("requirement", "tensorflow"),
        ]
        rule = rules["mp_keras/perturbation/saved_model"]
        assert rule["data"] == [
            f"mp_keras/perturbation/pretrained/{name}.json"
            for name in ("glyphs_conv4", "tiny_imagenet_resnet20")
        ]

    def test_package_data_is_all_in_a_target(self, rules):
        listed = {
            write_build.ROOT / path
            for rule in rules.values()
            for path in rule.get("data", ())
        }
        assert listed >= {
            file
            for folder in ("mp_keras", "pipeline", "configs")
            for file in (write_build.ROOT / folder).rglob("*.*")
            if file.suffix not in (".py", ".pyc")
        }

    def test_imports_inside_functions_count(self, rules):
        dependencies = rules["pipeline/kubeflow/components"]["deps"]
        assert ":pipeline/stages/pusher" in dependencies
        assert ("requirement", "kfp") in dependencies

    def test_dependencies_are_targets(self, rules):
        for rule in rules.values():
            for label in rule.get("deps", []):
                if isinstance(label, str):
                    assert label.removeprefix(":") in rules

    def test_there_is_no_cycle(self, rules):
        graph = {
            name: [
                label.removeprefix(":")
                for label in rule.get("deps", [])
                if isinstance(label, str)
            ]
            for name, rule in rules.items()
        }
        order = list(graphlib.TopologicalSorter(graph).static_order())
        assert len(order) == len(rules)

    def test_folders_import_one_way(self, rules):
        """Tools use the pipeline, the pipeline the library, no one back."""
        allowed = {
            "mp_keras": {"mp_keras"},
            "configs": {"configs"},
            "pipeline": {"mp_keras", "pipeline"},
            "tools": {"mp_keras", "pipeline", "tools"},
        }
        for name, rule in rules.items():
            folder = name.partition("/")[0]
            for label in rule.get("deps", []):
                if isinstance(label, str) and folder in allowed:
                    other = label.removeprefix(":").partition("/")[0]
                    assert other in allowed[folder], (name, label)

    def test_tests_run_under_pytest(self, rules):
        rule = rules["tests/pipeline/kubeflow/console_test"]
        assert rule["main_module"] == "pytest"
        assert rule["args"] == ["tests/pipeline/kubeflow/console_test.py"]
        assert ("requirement", "pytest") in rule["deps"]
        for conftest in (":tests/conftest", ":tests/pipeline/conftest"):
            assert conftest in rule["deps"]

    def test_every_package_is_pinned(self, rules):
        packages = {
            label[1]
            for rule in rules.values()
            for label in rule.get("deps", [])
            if isinstance(label, tuple)
        }
        assert packages <= write_build.pinned_packages(write_build.ROOT)
        assert {"absl-py", "pillow", "scikit-learn"} <= packages


@pytest.fixture
def tree(tmp_path):
    """A small project, written by hand."""
    (tmp_path / "requirements.txt").write_text(
        "# pillow==1\nkeras==3.15.1  # layers\n"
    )
    for name, text in (
        ("mp_keras/__init__.py", "from mp_keras import noise\n"),
        ("mp_keras/noise.py", "import math\nimport keras.ops\n"),
        ("tools/run.py", "import mp_keras.noise as n\nif __name__ == 'x': 1\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


class WriteBuildTest:
    def test_whole_text(self, tree):
        text = write_build.write_build(tree)
        _, _, rules = text.partition('visibility:public"])\n')
        assert (
            rules
            == """
py_library(
    name = "mp_keras/__init__",
    srcs = ["mp_keras/__init__.py"],
    deps = [":mp_keras/noise"],
)

py_library(
    name = "mp_keras/noise",
    srcs = ["mp_keras/noise.py"],
    deps = [requirement("keras")],
)

py_binary(
    name = "tools/run",
    srcs = ["tools/run.py"],
    deps = [":mp_keras/noise"],
)
"""
        )

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("import PIL.Image", r"\['pillow'\] in tools/run.py"),
            ("from mp_keras.gone import x", "mp_keras.gone in tools/run.py"),
            ("from . import noise", "tools/run.py"),
        ],
    )
    def test_import_that_leads_nowhere(self, tree, line, message):
        (tree / "tools" / "run.py").write_text(line + "\n")
        with pytest.raises(ValueError, match=message):
            write_build.write_build(tree)


class MainTest:
    def test_check(self, tree, monkeypatch, capsys):
        flags = write_build.flags.FLAGS
        if not flags.is_parsed():
            flags(sys.argv[:1])
        monkeypatch.setattr(write_build, "ROOT", tree)
        for check in (True, False, True):
            monkeypatch.setattr(flags["check"], "value", check)
            if check and not (tree / "BUILD").exists():
                with pytest.raises(SystemExit, match="Run: python -m"):
                    write_build.main(["write_build"])
            else:
                write_build.main(["write_build"])
        assert capsys.readouterr().out == "BUILD is current: 3 targets\n" * 2
        (tree / "mp_keras" / "noise.py").write_text("import math\n")
        with pytest.raises(SystemExit, match="Run: python -m"):
            write_build.main(["write_build"])
