"""What is exported, where only TensorFlow is."""

import subprocess
import sys

import pytest
import tensorflow as tf


def run(code, *arguments, cwd=None):
    """Runs Python code in a process of its own, with these arguments.

    Our package must not be in it at the end.
    """
    code = f'import sys\n{code}\nassert "mp_keras" not in sys.modules\n'
    result = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def assert_failing_save_leaves_the_old_one(save, folder, monkeypatch):
    """Of a full disk, and `save(path)` into a folder with an older export."""
    old = folder / "exported" / "saved_model.pb"
    old.parent.mkdir()
    old.write_text("old")

    def fail(*arguments, **keywords):
        raise OSError("the disk is full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="full"):
        save(folder / "exported")
    assert [file.name for file in folder.iterdir()] == ["exported"]
    assert old.read_text() == "old"


def assert_somebodys_folder_is_not_replaced(save, folder):
    """By `save(path)`, of a folder with other things in it."""
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="a folder with thesis.txt"):
        save(folder)
    assert [file.name for file in folder.iterdir()] == ["thesis.txt"]
