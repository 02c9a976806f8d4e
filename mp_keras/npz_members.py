"""Reads an array of an npz file of unknown origin.

The trap: a header may announce any shape, and a few kilobytes may unpack to
gigabytes. So what is announced has to fit what is there, before memory is
taken for it; and nothing is ever unpickled.
"""

import math
import zipfile

import numpy as np

_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def read_array(archive, name, most_bytes):
    """Returns one array of an open npz file.

    Args:
        archive: `zipfile.ZipFile`.
        name: Str, the array's, one of the archive.
        most_bytes: Function from the bytes that the array takes in the file to
            the most that it may take in memory.

    Raises: ValueError, if it is compressed in another way than deflate, too
        large, pickled, or its header does not fit it; nearly anything, if the
        file is damaged.
    """
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type not in _COMPRESSIONS:
        raise ValueError(f"{name} compressed in another way than deflate")
    packed = min(member.compress_size, archive.start_dir)
    if member.file_size > most_bytes(packed):
        raise ValueError(
            f"{name} of {member.file_size} bytes, packed into {packed}"
        )
    with archive.open(member) as stream:
        announced = _announced_bytes(stream)
    if announced != member.file_size:
        raise ValueError(
            f"{name} whose header announces {announced} bytes, in a member of "
            f"{member.file_size}"
        )
    with archive.open(member) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read(1)  # the end, which checks the sum
    return array


def _announced_bytes(stream):
    """Returns the length of an npy file by its own header."""
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in read_header:
        raise ValueError(f"version {version} of NumPy's format")
    shape, _, dtype = read_header[version](stream)
    if dtype.hasobject:
        raise ValueError("pickled objects")
    return stream.tell() + math.prod(shape) * dtype.itemsize
