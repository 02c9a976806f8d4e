"""`BUILD` and `MODULE.bazel`: every file of the tree is in a target.

Starlark is close enough to Python to be run as it, on functions that note what
they are given.
"""

import collections
import os
import pathlib
import re
import subprocess

import pytest

import mp_keras

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_IGNORED = {"__pycache__", "build", "demo", "local_outputs", "runs"}  # by git
# In environments of their own.
_APART = ("docs/", "tests/environments/beam/", "tests/environments/tfa/")


def files_of_the_tree():
    for parent, folders, names in os.walk(_ROOT):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and name not in _IGNORED
        ]
        for name in names:
            path = os.path.join(parent, name)
            yield os.path.relpath(path, _ROOT)


FILES = sorted(files_of_the_tree())
PYTHON = [
    file
    for file in FILES
    if file.endswith(".py") and not file.startswith(_APART)
]


def _pattern(pattern):
    """Returns Bazel's pattern as a regular expression."""
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.compile(
        "".join(
            parts.get(part) or re.escape(part)
            for part in re.split(r"(\*\*/|\*\*|\*)", pattern)
        )
    )


def _glob(include, exclude=()):
    def matches(file, patterns):
        return any(_pattern(pattern).fullmatch(file) for pattern in patterns)

    return [
        file
        for file in FILES
        if matches(file, include) and not matches(file, exclude)
    ]


@pytest.fixture(scope="module")
def rules():
    """The rules by name: dicts with `kind` and the arguments."""
    found = {}

    def maker(kind):
        def rule(**arguments):
            assert arguments["name"] not in found
            found[arguments["name"]] = {"kind": kind, **arguments}

        return rule

    names = {kind: maker(kind) for kind in ("py_library", "py_binary")}
    names |= {
        "all_requirements": [],
        "glob": _glob,
        "load": lambda *_: None,
        "package": lambda **_: None,
        "py_test": maker("py_test"),
    }
    exec((_ROOT / "BUILD").read_text(encoding="utf-8"), names)
    return found


class BuildTest:
    def test_is_short(self):
        lines = (_ROOT / "BUILD").read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 150

    def test_every_file_is_in_a_target(self, rules):
        sources = collections.Counter(
            file for rule in rules.values() for file in rule["srcs"]
        )
        assert set(sources) == set(PYTHON)
        # A tool can be imported, by its tests, as well as run.
        twice = {file for file, count in sources.items() if count > 1}
        assert all(file.startswith("tools/") for file in twice)

    def test_package_data_are_in_a_target(self, rules):
        listed = {
            file for rule in rules.values() for file in rule.get("data", ())
        }
        assert listed >= {
            file
            for file in FILES
            if file.startswith(("configs/", "mp_keras/", "pipeline/"))
            and not file.endswith(".py")
        }
        assert set(rules["tests"]["data"]) >= {
            file for file in FILES if re.fullmatch(r"\w[^/]*", file)
        } - {"LICENSE"}

    def test_every_package_has_a_library(self, rules):
        packages = {os.path.dirname(file) for file in PYTHON}
        for package in packages:
            if not package.startswith("tests"):
                assert rules[package]["kind"] == "py_library"
                assert f"{package}/__init__.py" in rules[package]["srcs"]

    def test_every_tool_has_a_binary(self, rules):
        for file in PYTHON:
            if file.startswith("tools/"):
                source = (_ROOT / file).read_text(encoding="utf-8")
                rule = rules.get(file.removesuffix(".py"))
                is_run = "\nif __name__ ==" in source
                assert is_run == (rule is not None), file
                assert not is_run or rule["kind"] == "py_binary"

    def test_every_test_file_has_a_test_run_by_pytest(self, rules):
        for file in PYTHON:
            if file.endswith("_test.py"):
                rule = rules[file.removesuffix(".py")]
                assert rule["kind"] == "py_test"
                assert rule["main_module"] == "pytest"
                assert rule["args"] == [file]

    def test_dependencies_and_data_are_there(self, rules):
        for rule in rules.values():
            assert set(rule["deps"]) <= rules.keys()
            for file in rule.get("data", ()):
                assert (_ROOT / file).is_file()


class ModuleTest:
    def test_version_is_that_of_the_package(self):
        text = (_ROOT / "MODULE.bazel").read_text(encoding="utf-8")
        (version,) = re.findall(
            r'name = "mp_keras",\s+version = "([^"]+)"', text
        )
        assert version == mp_keras.__version__


class MakefileTest:
    def test_what_runs_on_any_backend_exists(self):
        known = subprocess.run(
            ["make", "--print-data-base", "--dry-run", "clean"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        (line,) = re.findall(r"^ANY_BACKEND := (.*)$", known, re.MULTILINE)
        names = line.split()
        assert len(names) > 10
        assert [name for name in names if not (_ROOT / name).exists()] == []
