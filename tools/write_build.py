r"""Writes `BUILD`, which tells Bazel of every Python file of this project.

    python -m tools.write_build             # after files or imports changed
    python -m tools.write_build --check     # only says whether it is current

One target a file, named after its path. What a file imports, anywhere in it,
is what its target depends on: our own targets, or packages of
requirements.txt. Tests run under pytest (rules_python's `main_module`).
"""

import ast
import pathlib
import re
import sys

from absl import app
from absl import flags

_CHECK = flags.DEFINE_bool(
    "check", False, "Only compares; exit code 1, if BUILD is not current."
)

ROOT = pathlib.Path(__file__).resolve().parents[1]
_FOLDERS = ("configs", "mp_keras", "pipeline", "tests", "tools")
# What runs in an environment of its own, with other packages.
_APART = (
    "pipeline/beam/",
    "tests/environments/beam/",
    "tests/environments/tfa/",
)
_DISTRIBUTIONS = {  # imports that are not named like their package
    "PIL": "pillow",
    "absl": "absl-py",
    "sklearn": "scikit-learn",
    "tensorflow_datasets": "tensorflow-datasets",
    "yaml": "PyYAML",
}
_DATA = {
    "tests/docs/results_test.py": "docs/results*",
    "tests/pipeline/serving/server_test.py": "docs/serving.md",
    "tests/environments/your_own_model_test.py": "docs/your_own_model.md",
    "pipeline/experiments/paper.py": "pipeline/experiments/paper_tables.csv",
    "mp_keras/annotations.py": "mp_keras/py.typed",
    "mp_keras/perturbation/saved_model.py": (
        "mp_keras/perturbation/pretrained/*.json"
    ),
}
# What a file starts in other processes, where no import shows it.
_STARTED = {
    "tests/pipeline/kubeflow/local_run_test.py": (
        "configs/",
        "tools/run_pipeline",
    ),
    "tests/tools/processes.py": ("configs/", "tools/"),
}
_HEADER = """\
# Written by `python -m tools.write_build`, never by hand; checked by
# tests/tools/write_build_test.py. A target is named after its file. Tests need
# rules_python 1.6, whose `main_module` runs pytest.

load("@pypi//:requirements.bzl", "requirement")
load("@rules_python//python:py_binary.bzl", "py_binary")
load("@rules_python//python:py_library.bzl", "py_library")
load("@rules_python//python:py_test.bzl", "py_test")

package(default_visibility = ["//visibility:public"])
"""


def write_build(root):
    """Returns the text of `BUILD`.

    Args:
        root: Path of the project.

    Raises: ValueError, if an import is neither ours nor in requirements.txt.
    """
    files = python_files(root)
    pinned = pinned_packages(root)
    rules = [_rule(root, file, files, pinned) for file in files]
    return _HEADER + "".join(f"\n{rule}" for rule in rules)


def python_files(root):
    """Returns the paths of the Python files relative to `root`, sorted."""
    files = (
        file.relative_to(root).as_posix()
        for folder in _FOLDERS
        for file in (root / folder).rglob("*.py")
    )
    return sorted(file for file in files if not file.startswith(_APART))


def pinned_packages(root):
    """Returns the names that requirements.txt pins."""
    text = (root / "requirements.txt").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))


def _rule(root, file, files, pinned):
    source = (root / file).read_text(encoding="utf-8")
    tree = ast.parse(source, file)
    ours, packages = _dependencies(tree, file, files, pinned)
    arguments = {"name": file.removesuffix(".py"), "srcs": [file]}
    kind, data = "py_library", _data(root, file)
    if file.endswith("_test.py"):
        kind = "py_test"
        packages.add("pytest")
        arguments |= {
            "args": [file],
            "data": ["pyproject.toml", *data],
            "main_module": "pytest",
        }
    elif _is_binary(tree):
        kind = "py_binary"
    elif file.startswith("tests/"):
        arguments["testonly"] = True
    if data:
        arguments.setdefault("data", data)
    lines = [
        f"    {key} = {_literal(value)},\n" for key, value in arguments.items()
    ]
    labels = [_literal(":" + path.removesuffix(".py")) for path in sorted(ours)]
    labels += [f"requirement({_literal(name)})" for name in sorted(packages)]
    if labels:
        lines.append(f"    deps = {_list(labels)},\n")
    return f"{kind}(\n{''.join(lines)})\n"


def _data(root, file):
    """Returns the paths of what a file reads."""
    found = root.glob(_DATA[file]) if file in _DATA else ()
    return sorted(path.relative_to(root).as_posix() for path in found)


def _dependencies(tree, file, files, pinned):
    """Returns the files and the packages that a file needs, two sets."""
    ours, packages = set(), set()
    for module, name in _imports(tree):
        top = module.partition(".")[0]
        if top in _FOLDERS:
            ours.add(_find(module, name, files, file))
        elif top not in sys.stdlib_module_names:
            packages.add(_DISTRIBUTIONS.get(top, top))
    missing = sorted(packages - pinned)
    if missing:
        raise ValueError(
            "Every import must be ours, Python's own or pinned in "
            f"requirements.txt. Received: {missing} in {file}"
        )
    for prefix in _STARTED.get(file, ()):
        ours.update(path for path in files if path.startswith(prefix))
    if file.endswith("_test.py"):
        folder = pathlib.PurePosixPath(file).parent
        places = {f"{place}/conftest.py" for place in (folder, *folder.parents)}
        ours.update(places.intersection(files))
    return ours - {file}, packages


def _imports(tree):
    """Yields (module, None) of `import` and (module, name) of `from`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield "." * node.level + (node.module or ""), alias.name


def _find(module, name, files, file):
    """Returns the file behind an import of ours."""
    folder = module.replace(".", "/")
    places = [f"{folder}.py", f"{folder}/__init__.py"]
    if name:  # rather a module of the package than a name in it
        places[:0] = [f"{folder}/{name}.py", f"{folder}/{name}/__init__.py"]
    for place in places:
        if place in files:
            return place
    raise ValueError(
        f"Every import of ours must name a file. Received: {module} in {file}"
    )


def _is_binary(tree):
    """Whether there is an `if __name__ == "__main__":`."""
    return any(
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and getattr(node.test.left, "id", None) == "__name__"
        for node in tree.body
    )


def _literal(value):
    if isinstance(value, list):
        return _list([_literal(item) for item in value])
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _list(items):
    if len(items) == 1:
        return f"[{items[0]}]"
    return "[\n" + "".join(f"        {item},\n" for item in items) + "    ]"


def main(argv):
    if len(argv) > 1:
        sys.exit(f"Error: unknown arguments {argv[1:]}")
    file = ROOT / "BUILD"
    text = write_build(ROOT)
    current = file.exists() and file.read_text(encoding="utf-8") == text
    if _CHECK.value and not current:
        sys.exit(
            "Error: BUILD is not what the files and their imports ask for. "
            "Run: python -m tools.write_build"
        )
    if not current:
        file.write_text(text, encoding="utf-8")
    print(f"{file.name} is current: {text.count('srcs =')} targets")


if __name__ == "__main__":
    app.run(main)
