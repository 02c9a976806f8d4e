"""Writes a figure as PNG and SVG, or as part of a page."""

import io
import pathlib

from mp_keras import files
from pipeline.figures import canvas

_DOTS_PER_INCH = 200


@canvas.in_style
def save(figure, path):
    """Writes `path`.png and `path`.svg, each whole or not at all.

    Args:
        figure: `matplotlib.figure.Figure`.
        path: Path-like without suffix; its folder is made, if it is missing.

    Returns: the two paths. The same figure gives the same bytes.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    png = path.with_name(f"{path.name}.png")
    svg = path.with_name(f"{path.name}.svg")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DOTS_PER_INCH)
    text = _svg_document(figure)
    files.write_bytes(png, picture.getvalue())
    files.write_text(svg, text)
    return png, svg


@canvas.in_style
def svg_element(figure):
    """Returns a figure as the text of an `<svg>` element, to go into a page.

    The same figure gives the same text.
    """
    text = _svg_document(figure)
    return text[text.index("<svg") :]


def _svg_document(figure):
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
