"""Files made to do harm, not just damaged."""

import io
import os
import pickle
import random
import struct
import zipfile
import zlib

import numpy as np

from tests.hostile import child


class Touch:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return os.system, (f"touch {child.EXECUTED}",)


def flip_each(content, count):
    """Returns `{label: bytes}` with one bit flipped at evenly spread places."""
    chance = random.Random(0)
    places = [index * len(content) // count for index in range(count)]
    return {
        f"bit at {place}": content[:place]
        + bytes([content[place] ^ 1 << chance.randrange(8)])
        + content[place + 1 :]
        for place in places
    }


def npy(array):
    """Returns an npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def npy_header(header):
    """Returns an npy file with a header, and eight bytes of numbers."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + bytes(8)


def npy_pickle():
    """Returns an npy file of an object that runs code when unpickled."""
    buffer = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue() + pickle.dumps(Touch())


def zip_file(members, compression=zipfile.ZIP_STORED):
    """Returns a zip file of `{name: bytes}`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def announce_size(content, name, size):
    """Returns a zip file whose directory gives a member another size."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.start_dir
    place = start
    while content[place + 46 :][: len(name)] != name.encode():
        lengths = struct.unpack("<3H", content[place + 28 : place + 34])
        place += 46 + sum(lengths)
    size = struct.pack("<I", size)
    return content[: place + 24] + size + content[place + 28 :]


def png(width, height, rows=b""):
    """Returns a PNG file of gray pixels whose header announces any size."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    size = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def with_size(kind, content, width, height):
    """Returns an image file whose header announces another size.

    Args:
        kind: "BMP", "GIF" or "JPEG".
        content: Bytes of a good one.
        width, height: Ints.
    """
    if kind == "GIF":  # of the screen, and of the picture in it
        size = struct.pack("<HH", width, height)
        place = content.index(b",\0\0\0\0")
        content = content[:6] + size + content[10:]
        return content[: place + 5] + size + content[place + 9 :]
    if kind == "BMP":
        size = struct.pack("<ii", width, height)
        return content[:18] + size + content[26:]
    place = content.index(b"\xff\xc0") + 5
    size = struct.pack(">HH", height, width)
    return content[:place] + size + content[place + 4 :]
