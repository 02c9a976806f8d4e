"""Finds Tiny ImageNet: a zip file in place, or an unpacked folder."""

from pipeline.datasets import file_archive

INSTRUCTIONS = """\
Put http://cs231n.stanford.edu/tiny-imagenet-200.zip, or another zip file or
unpacked folder whose name starts with tiny-imagenet-200, into this folder.
"""
_STEM = "tiny-imagenet-200"


def open_archive(manual_dir):
    """Returns the archive in the folder, the original's name first.

    Returns:
        `FileArchive` whose names start in the folder of wnids.txt.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is ambiguous, damaged or something else.
    """
    path = file_archive.find_archive(
        manual_dir, _STEM, "Tiny ImageNet", INSTRUCTIONS
    )
    archive = file_archive.FileArchive(path)
    if not archive.descend("wnids.txt"):
        raise ValueError(
            f"{path} must hold wnids.txt, train and val of Tiny ImageNet. "
            "Received: no wnids.txt"
        )
    return archive
