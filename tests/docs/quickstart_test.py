"""docs/quickstart.ipynb, run from top to bottom as a reader runs it."""

import pathlib
import re

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.long

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_NOTEBOOK = _ROOT / "docs" / "quickstart.ipynb"
_PATIENCE_S = 600  # for one cell on a busy machine


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(_NOTEBOOK, as_version=4)


@pytest.fixture(scope="module")
def executed():
    """The notebook after a run; a cell that raises ends the test."""
    notebook = nbformat.read(_NOTEBOOK, as_version=4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=_PATIENCE_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(_ROOT)}},
    )
    return client.execute()


def printed(notebook):
    """Returns what its cells print, warnings left out."""
    return "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    )


def pictures(notebook):
    return [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]


def accuracies(text):
    found = re.findall(r"^(\S.*?) +accuracy ([\d.]+) %", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


class QuickstartTest:
    def test_networks_learn(self, executed):
        values = accuracies(printed(executed))
        assert values.keys() == {"plain", "with φ"}
        assert min(values.values()) > 50  # chance: 10 %

    def test_stored_numbers_are_those_of_a_run(self, executed, stored):
        """To the last bits of another machine."""
        actual = accuracies(printed(executed))
        assert accuracies(printed(stored)) == pytest.approx(actual, abs=10)

    def test_loaded_network_answers_alike(self, executed):
        (share,) = re.findall(r"same answer to ([\d.]+)%", printed(executed))
        assert float(share) > 95

    def test_same_pictures(self, executed, stored):
        assert len(pictures(executed)) == len(pictures(stored)) == 3

    def test_shows_no_place_of_a_machine(self, stored):
        text = _NOTEBOOK.read_text(encoding="utf-8")
        assert not re.search(r"/(home|root|tmp|Users|usr)/", text)
        assert all(cell.metadata == {} for cell in stored.cells)
