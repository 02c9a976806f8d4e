"""The Dockerfile, read as text: no daemon builds it here."""

import pathlib
import re
import shutil
import subprocess
import sys

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def lines():
    text = (_ROOT / "Dockerfile").read_text(encoding="utf-8")
    return text.replace("\\\n", " ").splitlines()


@pytest.fixture(scope="module")
def copied(lines):
    """What COPY takes from the root of the project."""
    names = []
    for line in lines:
        if line.startswith("COPY "):
            names += line.split()[1:-1]
    return names


def pinned(text, package):
    (version,) = re.findall(rf"\b{package}==([\d.]*\d)", text)
    return version


class DockerfileTest:
    def test_python_is_one_that_we_support(self, lines):
        (base,) = [line for line in lines if line.startswith("FROM ")]
        assert re.fullmatch(r"FROM python:3\.(11|12|13)-slim", base)

    def test_everything_that_is_copied_is_there(self, copied):
        assert "requirements.txt" in copied
        for name in copied:
            assert (_ROOT / name).exists(), name

    def test_clients_of_stores_suit_fsspec(self, lines):
        """Each release of gcsfs and s3fs wants the same one of fsspec."""
        requirements = (_ROOT / "requirements.txt").read_text()
        for client in ("gcsfs", "s3fs"):
            version = pinned("\n".join(lines), client)
            assert version == pinned(requirements, "fsspec")

    def test_stages_import_with_what_is_copied(self, copied, tmp_path):
        for name in copied:
            if (_ROOT / name).is_dir():
                shutil.copytree(
                    _ROOT / name,
                    tmp_path / name,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
        stages = sorted(
            path.stem
            for path in (tmp_path / "pipeline" / "stages").glob("[a-z]*.py")
        )
        assert len(stages) == 8
        imports = ", ".join(f"pipeline.stages.{s}" for s in stages)
        subprocess.run(
            [sys.executable, "-c", f"import {imports}"],
            cwd="/",
            env={"PYTHONPATH": str(tmp_path), "PATH": ""},
            check=True,
        )
