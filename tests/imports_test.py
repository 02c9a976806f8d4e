"""Imports run one way: between the folders at the top, and between rooms."""

import ast
import graphlib
import pathlib

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]
_ALLOWED = {  # tools use the pipeline, the pipeline the library, no one back
    "mp_keras": {"mp_keras"},
    "configs": {"configs"},
    "pipeline": {"mp_keras", "pipeline"},
    "tools": {"mp_keras", "pipeline", "tools"},
}
# Rooms by level: a room imports rooms of lower levels alone. The other modules
# beside them, which all share, have none.
_LEVELS = {
    "mp_keras": [
        ["graphs"],
        ["perturbation"],
        ["baselines", "meta_training", "networks"],
        ["evaluation", "few_shot"],
        ["export"],
    ],
    "pipeline": [
        ["csv_text", "digests", "figures", "many_runs", "storage"],
        ["intervals", "listing"],
        ["datasets", "runs"],
        ["beam", "fingerprints", "report", "workers"],
        ["trainings"],
        ["benchmarks", "experiments", "serving", "stages"],
        ["kubeflow", "method_choice", "phi_search", "tuning"],
    ],
    "pipeline/datasets": [["builders", "sources"], ["few_shot"]],
}


def _files():
    return sorted(
        path.relative_to(_ROOT).as_posix()
        for folder in _ALLOWED
        for path in (_ROOT / folder).rglob("*.py")
    )


def _imports(tree):
    """Yields (module, None) of `import` and (module, name) of `from`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, None
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield "." * node.level + (node.module or ""), alias.name


def _find(module, name, files):
    """Returns the file behind an import of ours, or None."""
    folder = module.replace(".", "/")
    places = [f"{folder}.py", f"{folder}/__init__.py"]
    if name:  # rather a module of the package than a name in it
        places[:0] = [f"{folder}/{name}.py", f"{folder}/{name}/__init__.py"]
    return next((place for place in places if place in files), None)


@pytest.fixture(scope="module")
def graph():
    """{file: files it imports, anywhere in it}."""
    files = set(_files())
    found = {}
    for file in files:
        tree = ast.parse((_ROOT / file).read_text(encoding="utf-8"))
        found[file] = set()
        for module, name in _imports(tree):
            if module.partition(".")[0] in (*_ALLOWED, ""):
                target = _find(module, name, files)
                assert target, f"{module} in {file} names no file"
                found[file].add(target)
    return found


def _room(file, folder):
    """Returns the room of `folder` that a file is in, or "" for none."""
    inside = file.removeprefix(folder + "/")
    return "" if inside == file else inside.split("/")[0].removesuffix(".py")


class ImportsTest:
    def test_folders_import_one_way(self, graph):
        for file, imported in graph.items():
            for other in imported:
                allowed = _ALLOWED[file.split("/")[0]]
                assert other.split("/")[0] in allowed, (file, other)

    def test_no_circle_of_modules(self, graph):
        order = list(graphlib.TopologicalSorter(graph).static_order())
        assert len(order) == len(graph)

    @pytest.mark.parametrize("folder", _LEVELS)
    def test_rooms_import_lower_levels_alone(self, graph, folder):
        level = {
            room: index
            for index, rooms in enumerate(_LEVELS[folder])
            for room in rooms
        }
        wrong = set()
        for file, imported in graph.items():
            for other in imported:
                room, below = _room(file, folder), _room(other, folder)
                if room != below and {room, below} <= level.keys():
                    if level[room] <= level[below]:
                        wrong.add((file, other))
        assert not wrong

    @pytest.mark.parametrize("folder", _LEVELS)
    def test_every_room_has_a_level(self, graph, folder):
        packages = {
            path.parent.name for path in (_ROOT / folder).glob("*/__init__.py")
        }
        if folder == "pipeline":
            packages |= {p.stem for p in (_ROOT / folder).glob("[a-z]*.py")}
        rooms = [room for level in _LEVELS[folder] for room in level]
        assert sorted(rooms) == sorted(packages)
