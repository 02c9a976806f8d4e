"""For the site: `>>>` examples of docstrings become blocks of code."""

import re

import griffe

_EXAMPLE = re.compile(r"^( *)>>> .*?(?=\n *\n|\Z)", re.DOTALL | re.MULTILINE)


def fence(text):
    """Returns a docstring whose examples stand between code fences."""
    return _EXAMPLE.sub(
        lambda found: f"{found[1]}```pycon\n{found[0].rstrip()}\n{found[1]}```",
        text,
    )


class FenceExamples(griffe.Extension):
    """Does so for every docstring of the API's pages."""

    def on_instance(self, *, obj, **kwargs):
        if obj.docstring:
            obj.docstring.value = fence(obj.docstring.value)
