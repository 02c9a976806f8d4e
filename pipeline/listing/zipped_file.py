"""A file inside a zip file, as a place that images are read from."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class ZippedFile:
    """A member of a zip file; its text is what messages call it.

    Attributes: `archive`, path of the zip file; `member`, its readable name
        (`folder_tree.zip_members`).
    """

    archive: pathlib.Path
    member: str

    def __str__(self):
        return f"{self.archive}/{self.member}"
