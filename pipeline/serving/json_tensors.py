"""JSON of TensorFlow Serving's predict requests to tensors, and back.

    {"instances": [...]}    row form       -> {"predictions": [...]}
    {"inputs": ...}         columnar form  -> {"outputs": ...}

Rows are plain values, or objects by input name, and are stacked: every input
has one entry a row, so that a scalar input can be given in columns alone.
Bytes are `{"b64": "..."}`. One input, or output, goes without its name.
TensorFlow Serving documents this in its `g3doc/api_rest.md`.
"""

import base64
import gc
import itertools
import json
import reprlib

import numpy as np
import tensorflow as tf

_FORMS = {"instances": "predictions", "inputs": "outputs"}
# What Python makes of a body, in bytes: a list or an object, a value in one.
_BYTES_OF_LIST, _BYTES_OF_VALUE = 120, 48
_MOST_TIMES = 10  # as large as a body, or as this one
_LARGE = 2**23
_DEEPEST = 32  # lists in lists
_SHOWN = 60  # characters of a value


def parse(body):
    """Returns the value of a JSON body that is not too large as a value.

    Args:
        body: Bytearray, in UTF-8; emptied, so that it takes no memory beside
            the value.

    Raises: ValueError, if it does not parse, or would take more than ten
        times its memory beyond the first 80 MiB.
    """
    lists = body.count(b"[") + body.count(b"{")
    values = body.count(b",") + body.count(b":")
    size = lists * _BYTES_OF_LIST + values * _BYTES_OF_VALUE
    if size > _MOST_TIMES * max(len(body), _LARGE):
        raise ValueError(
            "it must have fewer values, in several requests. Received: "
            f"{lists} lists and {values} values in them"
        )
    text = body.decode("utf-8")
    body.clear()
    was_enabled = gc.isenabled()
    gc.disable()  # many lists make it look at all of TensorFlow, many times
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("lists in lists without an end") from error
    finally:
        if was_enabled:
            gc.enable()


def read_request(request, specs):
    """Returns the tensors of a predict request, and which form it has.

    Args:
        request: Value of the JSON body.
        specs: Dict from input name to `tf.TensorSpec`.

    Returns: dict from input name to tensor; "instances" or "inputs".
    Raises: ValueError, naming the input, if the request does not fit.
    """
    forms = [form for form in _FORMS if form in request]
    if len(forms) != 1:
        raise ValueError(
            "A request must hold either `instances` or `inputs`. "
            f"Received: keys {sorted(request)}"
        )
    (form,) = forms
    read = _columns_of_rows if form == "instances" else _columns
    columns = read(request[form], specs)
    if set(columns) != set(specs):
        raise ValueError(
            f"Key `{form}` must give the inputs {sorted(specs)} of this "
            f"signature. Received: {sorted(columns)}"
        )
    tensors = {
        name: _to_tensor(name, columns[name], spec)
        for name, spec in specs.items()
    }
    return tensors, form


def write_response(outputs, form):
    """Returns the JSON value of a response.

    Args:
        outputs: Dict from output name to numeric tensor or array.
        form: As `read_request` returned it.
    """
    columns = {name: _to_json(tensor) for name, tensor in outputs.items()}
    if len(columns) == 1:
        (values,) = columns.values()
    elif form == "inputs":
        values = columns
    else:
        values = [dict(zip(columns, row)) for row in zip(*columns.values())]
    return {_FORMS[form]: values}


def _columns_of_rows(rows, specs):
    if not isinstance(rows, list) or not rows:
        raise ValueError(
            "Key `instances` must hold a list of at least one row. "
            f"Received: {_shown(rows)}"
        )
    named = {_is_named(row) for row in rows}
    if named == {False}:
        return {_only_name("instances", specs): rows}
    names = set(rows[0]) if _is_named(rows[0]) else None
    if named != {True} or any(set(row) != names for row in rows):
        raise ValueError(
            "Key `instances` must hold rows of one kind, objects with the "
            "same names or plain values. Received: rows that differ"
        )
    return {name: [row[name] for row in rows] for name in names}


def _columns(values, specs):
    if _is_named(values):
        return values
    return {_only_name("inputs", specs): values}


def _only_name(form, specs):
    if len(specs) != 1:
        raise ValueError(
            f"Key `{form}` must give the inputs {sorted(specs)} of this "
            "signature by name. Received: values without names"
        )
    return next(iter(specs))


def _is_named(value):
    """Returns whether it holds values by name, and is no encoded bytes."""
    return isinstance(value, dict) and set(value) != {"b64"}


def _to_tensor(name, value, spec):
    expected = f"Input `{name}` must be {spec.dtype.name}"
    # Before NumPy sees it: it makes all strings as long as the longest.
    if not _types_in(value) <= _types_for(spec.dtype):
        raise ValueError(f"{expected}. Received: {_shown(value)}")
    try:
        if spec.dtype == tf.string:
            array = np.array(_decoded(value), object)
        else:
            array = np.array(value)
    except ValueError as error:  # ragged lists, wrong base64
        raise ValueError(
            f"{expected}, in lists of equal length. Received: {error}"
        ) from error
    if spec.dtype != tf.string:
        _check_numbers(array, spec.dtype, expected)
    if not spec.shape.is_compatible_with(array.shape):
        raise ValueError(
            f"Input `{name}` must have shape {spec.shape}, None for any "
            f"number. Received: shape {array.shape}"
        )
    return tf.constant(array, spec.dtype)


def _types_for(dtype):
    if dtype == tf.string:
        return {str, dict}
    return {int} if dtype.is_integer else {int, float}


def _types_in(value):
    """Returns the types of what nested lists hold, level by level."""
    types, depth = {type(value)}, 0
    lists = [value] if isinstance(value, list) else []
    while lists:
        if depth == _DEEPEST:
            raise ValueError(
                f"Lists must be at most {_DEEPEST} deep in each other"
            )
        found = set(map(type, itertools.chain.from_iterable(lists)))
        items = itertools.chain.from_iterable(lists) if list in found else ()
        lists = [item for item in items if isinstance(item, list)]
        types, depth = types | found, depth + 1
    return types - {list}


def _check_numbers(array, dtype, expected):
    if array.dtype.kind not in "iuf":  # integers that no type has
        raise ValueError(f"{expected}. Received: {_shown(array.tolist())}")
    low, high = dtype.limits
    if dtype.is_integer and array.size:
        if array.min() < low or array.max() > high:
            raise ValueError(
                f"{expected}, from {low} to {high}. "
                f"Received: values from {array.min()} to {array.max()}"
            )


def _decoded(value):
    """Returns nested lists with bytes in the place of text and base64."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if isinstance(value, dict) and isinstance(value.get("b64"), str):
        return base64.b64decode(value["b64"], validate=True)
    if isinstance(value, str):
        return value.encode("utf-8")
    raise ValueError(f'expected {{"b64": "..."}}. Received: {_shown(value)}')


def _to_json(tensor):
    array = np.asarray(tensor)
    if array.dtype == np.float32:  # 0.2, not 0.20000000298
        array = array.astype(str).astype("float64")
    return array.tolist()


def _shown(value):
    return reprlib.repr(value)[:_SHOWN]
