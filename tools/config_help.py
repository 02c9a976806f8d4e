"""The keys of a config file: their values and what its comments say of them."""

import ast
import difflib
import importlib.util
import io
import pathlib
import textwrap
import tokenize

from absl import flags

_WIDTH = 79
_FLAG = "config"


def load(argv):
    """Returns the config that a command line names, and its file, or None.

    Args:
        argv: List of str.

    Returns: a `ConfigDict` and the path of its file; None, None if there is
        no `--config=FILE.py`, or it cannot be loaded.
    """
    named = value_of(_FLAG, argv)
    if named is None:
        return None, None
    try:
        config = flags.FLAGS[_FLAG].parser.parse(named)
        config.to_dict()
    # The flags say what is wrong with it.
    except Exception:
        return None, None
    return config, pathlib.Path(named.partition(":")[0])


def value_of(flag, argv):
    """Returns what a command line gives a flag, the last time; or None.

    Args:
        flag: Str, without dashes.
        argv: List of str.
    """
    found = None
    for word, following in zip(argv, [*argv[1:], "-"]):
        name, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and name == flag:
            if not equals:
                value = None if following.startswith("-") else following
            found = value
    return found


def describe(config, file):
    """Returns a text with a line per key: its value and its comment.

    Args:
        config: `ConfigDict`.
        file: Path of the file that it is from.
    """
    comments = _comments(file)
    places = list(comments)
    values = flat(config.to_dict())
    known = sorted(filter(comments.__contains__, values), key=places.index)
    lines = []
    for key in dict.fromkeys([*known, *values]):
        value, said = values[key], comments.get(key, "")
        lines.append(f"  --config.{key}={_text(value)}")
        lines += textwrap.wrap(
            said, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
        )
    return "\n".join(lines)


def flat(values, prefix=""):
    """Returns {"data.source": value} for {"data": {"source": value}}."""
    found = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def meant(name, value, config):
    """Returns the words " Did you mean ...?" for a flag that is none, or "".

    Args:
        name: Str, the flag without dashes: "steps", "data.source".
        value: Str, what was given with it, or None.
        config: `ConfigDict`, or None: without, nothing can be said.
    """
    if config is None:
        return ""
    keys = sorted(flat(config.to_dict()), key=lambda key: key.count("."))
    last = {key.rpartition(".")[2]: key for key in reversed(keys)}
    near = difflib.get_close_matches(name, [*keys, *last], 1, 0.75)
    if name in keys:
        key = name
    elif name in last or near:
        key = last.get(name) or last.get(near[0], near[0])
    else:
        return ""
    given = "VALUE" if value is None else value
    return f" Did you mean --config.{key}={given}?"


def _text(value):
    if isinstance(value, dict):
        return ""
    return repr(value) if value == "" else str(value)


def _comments(file):
    """Returns {key: comment or ""} of a config file and what it is made from.

    A comment stands behind the value, or in the lines above it.
    """
    found = {}
    for path in reversed(_sources(file, [])):
        source = path.read_text(encoding="utf-8")
        behind, alone = _comment_lines(source)
        for key, first, last in _assignments(ast.parse(source)):
            words = [behind.get(last, "") or behind.get(first, "")]
            line = first - 1
            while line in alone:
                words.insert(0, alone[line])
                line -= 1
            text = " ".join(word for word in words if word)
            found[key] = text or found.get(key, "")
    return found


def _sources(file, seen):
    """Returns the file and the config files that it imports, and so on."""
    if file in seen or not file.is_file():
        return seen
    seen.append(file)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                try:
                    spec = importlib.util.find_spec(
                        f"{node.module}.{name.name}"
                    )
                except (ImportError, ValueError):
                    continue
                if spec and spec.origin and node.module.startswith("configs"):
                    _sources(pathlib.Path(spec.origin), seen)
    return seen


def _comment_lines(source):
    """Returns comments behind code and comments alone, by line number."""
    behind, alone = {}, {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            text = token.string.lstrip("# ").strip()
            before = token.line[: token.start[1]].strip()
            (behind if before else alone)[token.start[0]] = text
    return behind, alone


def _assignments(tree):
    """Yields key, first and last line of `config.key = ...`, dicts included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            parts = _attributes(node.targets[0])
            if parts:
                yield ".".join(parts), node.lineno, node.end_lineno
                for value in ast.walk(node.value):
                    if isinstance(value, ast.Dict):
                        yield from _entries(value, parts)
        elif isinstance(node, ast.For):  # sections from a table
            for value in ast.walk(node.iter):
                if isinstance(value, ast.Dict):
                    yield from _entries(value, ())
                    break


def _attributes(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return tuple(parts) if isinstance(node, ast.Name) else ()


def _entries(table, above):
    for key, value in zip(table.keys, table.values):
        if isinstance(key, ast.Constant):
            parts = (*above, str(key.value))
            yield ".".join(parts), key.lineno, value.end_lineno
            if isinstance(value, ast.Dict):
                yield from _entries(value, parts)
