"""Short hashes of values: equal values have equal ones."""

import hashlib
import json


def of_json(value, letters=16):
    """Returns hexadecimal letters that stand for a JSON-compatible value.

    Args:
        value: What JSON can hold; the order of its keys does not count.
        letters: Int, default 16.
    """
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:letters]
