"""Copies of files and folders of this machine, whole or not at all."""

import os
import pathlib
import shutil
import tempfile

from mp_keras import files


def copy_file(origin, path):
    """Copies a file in one step; an old file at `path` stays until then."""
    with files.new_file(path) as temporary:
        shutil.copyfile(origin, temporary)


def copy_folder(origin, path):
    """Copies a folder in one step; an old one at `path` stays until then."""
    with files.new_directory(path) as folder:
        shutil.copytree(origin, folder, dirs_exist_ok=True)


def copy_files_into(origin, folder):
    """Adds the files of a folder, and those below it, to another folder.

    All are copied before the first gets its name, and each is there whole or
    not at all; what else is in `folder` stays.

    Args:
        origin: Path-like.
        folder: Path-like, made if it is missing.
    """
    folder = pathlib.Path(folder)
    with files.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=folder, prefix=files.PARTIAL
        ) as copy:
            shutil.copytree(origin, copy, dirs_exist_ok=True)
            for name in sorted(files.file_stamps(copy)):
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(pathlib.Path(copy, name), target)
