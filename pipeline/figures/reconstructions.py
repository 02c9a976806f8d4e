"""Meta Dropout, appendix C: images that a decoder makes of features."""

from pipeline.figures import canvas
from pipeline.figures import picture_rows

_PIXELS = {"cmap": "gray", "vmin": 0, "vmax": 1}


@canvas.in_style
def draw(examples):
    """Returns the figure: a row per image.

    The image; what the decoder makes of its features without perturbation, of
    those of the query pass, and of passes with noise.

    Args:
        examples: Dict from title, such as a data set, to a pair of images
            `(images, height, width, channels)`, floats in [0, 1], and an
            `ActivationView` whose arrays are the decoder's images of them.

    Raises: ValueError, if it is empty somewhere, or the views have different
        numbers of copies.
    """
    headings = picture_rows.headings_of(examples)
    shown = len(headings) - 3
    blocks = {
        title: [
            [
                (picture, _PIXELS)
                for picture in (
                    image,
                    view.unperturbed[number],
                    view.expected[number],
                    *view.stochastic[:shown, number],
                )
            ]
            for number, image in enumerate(images)
        ]
        for title, (images, view) in examples.items()
    }
    return picture_rows.draw(blocks, headings)
