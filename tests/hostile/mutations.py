"""Damages the bytes of good files, the same way for the same seed."""

import random

# Headers of other kinds of files, and texts.
FOREIGN = (
    b"",
    b"\0",
    b"PK\x03\x04",
    b"PK\x05\x06" + b"\0" * 18,
    b"\x89PNG\r\n\x1a\n",
    b"\x80\x02cos\nsystem\n(S'true'\ntR.",
    b"\x93NUMPY\x01\x00v\x00{}",
    b"\x89HDF\r\n\x1a\n" + b"\xff" * 64,
    b"{}",
    b"[" * 100_000,
    b"null",
    b"<!DOCTYPE html><title>404 Not Found</title>",
    b"version https://git-lfs.github.com/spec/v1\n",
    "a text in UTF-16".encode("utf-16"),
)
_HUGE = (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80")


def mutate(content, count, seed=0):
    """Returns damaged copies of a file's bytes.

    The foreign contents come first, as far as `count` reaches; then the seven
    kinds of damage, in turn.

    Args:
        content: Bytes, of a good file.
        count: Int, how many.
        seed: Int.

    Returns: list of `(label, bytes)`.
    """
    chance = random.Random(f"{seed} {len(content)}")
    found = [
        (f"foreign {number}", foreign)
        for number, foreign in enumerate(FOREIGN[: count // 4])
    ]
    damages = (
        _truncate,
        _flip_bit,
        _swap_bytes,
        _fill_with_zeros,
        _lie_about_a_length,
        _insert,
        _repeat,
    )
    while len(found) < count:
        damage = damages[len(found) % len(damages)]
        changed = damage(content, chance)
        found.append((f"{damage.__name__[1:]} {len(found)}", changed))
    return found


def _place(content, chance, length=1):
    # Headers and ends are hit more often than by their share.
    last = max(0, len(content) - length)
    edge = min(last, 64)
    return chance.choice(
        [
            chance.randint(0, last),
            chance.randint(0, edge),
            chance.randint(last - edge, last),
        ]
    )


def _truncate(content, chance):
    return content[: _place(content, chance)]


def _flip_bit(content, chance):
    place = _place(content, chance)
    flipped = content[place] ^ 1 << chance.randrange(8)
    return content[:place] + bytes([flipped]) + content[place + 1 :]


def _swap_bytes(content, chance):
    place = _place(content, chance, 2)
    pair = content[place : place + 2]
    return content[:place] + pair[::-1] + content[place + 2 :]


def _fill_with_zeros(content, chance):
    length = chance.choice([4, 16, 256])
    place = _place(content, chance, length)
    end = min(len(content), place + length)
    return content[:place] + bytes(end - place) + content[end:]


def _lie_about_a_length(content, chance):
    place = _place(content, chance, 4)
    return content[:place] + chance.choice(_HUGE) + content[place + 4 :]


def _insert(content, chance):
    place = _place(content, chance)
    return content[:place] + chance.randbytes(7) + content[place:]


def _repeat(content, chance):
    place = _place(content, chance)
    return content + content[place:]
