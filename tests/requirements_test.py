"""Pins of the requirements: exact, with reasons, installed and imported."""

import ast
import importlib.metadata
import pathlib
import re
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_CONSTRAINTS = {  # requirements -> the versions of everything
    "requirements.txt": "constraints.txt",
    **{
        f"requirements/{name}.txt": f"requirements/{name}-constraints.txt"
        for name in ("beam", "docs", "hub", "jax", "tfa", "torch")
    },
}
_FILES = sorted(_CONSTRAINTS)
_CODE = ("configs", "mp_keras", "pipeline", "tools", "tests")
# Needed without an import of ours, each for the reason of its line.
_NOT_IMPORTED = {
    "deptry",
    "httptools",
    "importlib-resources",
    "ipykernel",
    "mypy",
    "onnx",
    "pip-licenses",
    "pytest-xdist",
    "ruff",
}
# Only in environments of their own, which have their requirements.
_ELSEWHERE = {"apache_beam", "jax", "tensorflow_addons", "torch"}
# Not pinned by us: what makes the environment.
_TOOLS = {"pip", "setuptools", "wheel"}


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file):
    """Returns [(name, version, what follows the #)] of a file's lines."""
    found = []
    for line in (_ROOT / file).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            pin, _, reason = line.partition("  # ")
            name, _, version = pin.partition("==")
            found.append((canonical(name), version, reason.strip()))
    return found


def installed():
    return {
        canonical(distribution.metadata["Name"]): distribution.version
        for distribution in importlib.metadata.distributions()
    }


def imported():
    """Returns the top-level modules that the code imports, ours left out."""
    modules = set()
    # There, and in docs/, files import one another by name.
    environments = (_ROOT / "tests" / "environments").rglob("*.py")
    beside = [*environments, *(_ROOT / "docs").glob("*.py")]
    ours = {*_CODE, *(path.stem for path in beside)}
    for folder in _CODE:
        for path in (_ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module]
                else:
                    continue
                modules.update(name.partition(".")[0] for name in names)
    return modules - ours - sys.stdlib_module_names


class PinTest:
    def test_every_file_is_one_of_a_pair(self):
        files = _ROOT.glob("requirements/*")
        found = {file.relative_to(_ROOT).as_posix() for file in files}
        pairs = {*_CONSTRAINTS, *_CONSTRAINTS.values()}
        assert found == pairs - {"requirements.txt", "constraints.txt"}

    @pytest.mark.parametrize("file", _FILES)
    def test_every_line_pins_one_version(self, file):
        assert pins(file)
        for name, version, _ in pins(file):
            assert re.fullmatch(r"\d+(\.\d+)+(\.post\d+)?", version), name

    @pytest.mark.parametrize("file", ["requirements.txt"])
    def test_every_line_has_its_reason(self, file):
        assert [name for name, _, reason in pins(file) if not reason] == []

    @pytest.mark.parametrize("file", _FILES)
    def test_constraints_have_the_same_versions(self, file):
        constraints = {
            name: version for name, version, _ in pins(_CONSTRAINTS[file])
        }
        for name, version, _ in pins(file):
            # torch's version there may name its build, "+cpu".
            assert constraints[name].partition("+")[0] == version, name

    def test_installed_is_what_is_pinned(self):
        constraints = pins("constraints.txt")
        pinned = {name: version for name, version, _ in constraints}
        found = installed()
        assert {name: found.get(name) for name in pinned} == pinned
        assert found.keys() - pinned.keys() - _TOOLS == set()


class ImportTest:
    def test_every_import_is_a_requirement(self):
        names = {name for name, *_ in pins("requirements.txt")}
        of_module = importlib.metadata.packages_distributions()
        unknown = {
            module
            for module in imported() - _ELSEWHERE
            if not names & {canonical(d) for d in of_module.get(module, ())}
        }
        assert unknown == set()

    def test_every_requirement_is_imported_or_a_tool(self):
        of_module = importlib.metadata.packages_distributions()
        used = {
            canonical(distribution)
            for module in imported()
            for distribution in of_module.get(module, ())
        }
        for name, *_ in pins("requirements.txt"):
            assert (name in used) != (name in _NOT_IMPORTED), name
