"""Damages small good files in many ways, and reads them all."""

import shutil

import hypothesis
import pytest

from tests.hostile import child
from tests.hostile import corpus
from tests.hostile import good_files

# The same examples every time, and no folder of those that failed.
hypothesis.settings.register_profile(
    "hostile",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
)
hypothesis.settings.load_profile("hostile")
SEEDS = [(0, 1), pytest.param(1, 10, marks=pytest.mark.long)]


def pytest_generate_tests(metafunc):
    """Runs `seed` and `times`: few cases now, ten times as many in `long`."""
    if "times" in metafunc.fixturenames:
        metafunc.parametrize(("seed", "times"), SEEDS)


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    """Folders of good files, made once: {arguments: folder}."""
    made = {}

    def make(name, *arguments):
        key = name, *arguments
        if key not in made:
            folder = tmp_path_factory.mktemp(name)
            getattr(good_files, f"write_{name}")(folder, *arguments)
            made[key] = folder
        return made[key]

    return make


@pytest.fixture
def good(tmp_path):
    """The folder for good files, which `prepare` makes."""
    return tmp_path / "good"


@pytest.fixture
def prepare(good, _made):
    """Copies the files of `good_files.write_<name>(folder, *arguments)`."""

    def prepare(name, *arguments):
        shutil.copytree(_made(name, *arguments), good)
        return good

    return prepare


@pytest.fixture
def work(tmp_path):
    """An empty folder for damaged files, inside another one."""
    folder = tmp_path / "work" / "inner"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def read_damaged(good, work):
    """Reads the corpus of a kind; fails unless each file ends well."""

    def read(kind, reader, seed, times):
        cases = corpus.damage(good, kind, seed, times)
        return child.check(reader, good, cases, work)

    return read


@pytest.fixture
def refuse(good, work):
    """Reads crafted files; fails unless each one ends in a clear error."""

    def read(reader, file, contents):
        cases = [child.Case(k, file, v) for k, v in contents.items()]
        outcomes = child.read(reader, good, cases, work)
        for case, outcome in zip(cases, outcomes, strict=True):
            assert child.is_clear(outcome, work), (case.label, outcome)
        return {case.label: o.value for case, o in zip(cases, outcomes)}

    return read
