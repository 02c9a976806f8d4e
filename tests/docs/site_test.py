"""The pages: links lead somewhere, the API is complete, README is short."""

import pathlib
import re
import runpy

import pytest

import mp_keras
from mp_keras import baselines
from mp_keras import few_shot
from mp_keras import networks

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_DOCS = _ROOT / "docs"
_PAGES = [_ROOT / "README.md", *sorted(_DOCS.rglob("*.md"))]
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


class PagesTest:
    @pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
    def test_links_lead_to_files(self, page):
        links = _LINK.findall(page.read_text(encoding="utf-8"))
        missing = [link for link in links if not (page.parent / link).exists()]
        assert missing == []

    def test_readme_is_short(self):
        lines = (_ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 160

    def test_every_page_is_in_the_navigation(self):
        navigation = (_ROOT / "mkdocs.yml").read_text(encoding="utf-8")
        for page in _PAGES[1:]:
            name = page.relative_to(_DOCS).as_posix()
            assert f": {name}\n" in navigation

    @pytest.mark.parametrize(
        "package",
        [mp_keras, networks, baselines, few_shot],
        ids=lambda package: package.__name__,
    )
    def test_every_public_name_is_in_the_api(self, package):
        name = package.__name__.split(".")[-1]
        page = (_DOCS / "api" / f"{name}.md").read_text(encoding="utf-8")
        shown = set(re.findall(r"^::: \S+\.(\w+)$", page, re.MULTILINE))
        packages = {"baselines", "few_shot", "networks", "__version__"}
        assert shown == set(package.__all__) - packages


class ExamplesTest:
    def test_examples_are_fenced_and_the_rest_is_left(self, monkeypatch):
        griffe = type("griffe", (), {"Extension": object})
        monkeypatch.setitem(__import__("sys").modules, "griffe", griffe)
        fence = runpy.run_path(str(_DOCS / "fence_examples.py"))["fence"]
        text = "Sum.\n\n>>> f(1)\n[1, 2]\n>>> f(2)\n3\n\nRaises: nothing."
        assert fence(text) == (
            "Sum.\n\n```pycon\n>>> f(1)\n[1, 2]\n>>> f(2)\n3\n```\n\n"
            "Raises: nothing."
        )
        assert fence("No example > here.") == "No example > here."
