"""Appendix C of Meta Dropout: what the decoder makes, beside the image."""

import numpy as np
import pytest

from mp_keras.few_shot import activations
from pipeline.figures import picture_rows
from pipeline.figures import reconstructions
from pipeline.figures import saving

RNG = np.random.default_rng(0)
IMAGES = RNG.random((2, 8, 8, 1))


def make_view():
    return activations.ActivationView(
        unperturbed=RNG.random((2, 8, 8, 1)),
        expected=RNG.random((2, 8, 8, 1)),
        stochastic=RNG.random((2, 2, 8, 8, 1)),
    )


class DrawTest:
    def test_rows_carry_the_images(self, tmp_path):
        first, second = make_view(), make_view()
        figure = reconstructions.draw(
            {"Omniglot": (IMAGES, first), "miniImageNet": (IMAGES, second)}
        )
        saving.save(figure, tmp_path / "figure6")
        assert len(figure.axes) == 4 * 5
        row = [panel.images[0] for panel in figure.axes[10:15]]
        for picture, expected in zip(
            row,
            (
                IMAGES[0],
                second.unperturbed[0],
                second.expected[0],
                *second.stochastic[:, 0],
            ),
        ):
            np.testing.assert_array_equal(picture.get_array(), expected[..., 0])
            assert picture.get_clim() == (0, 1)
        labels = [panel.get_ylabel() for panel in figure.axes[::5]]
        assert labels == ["Omniglot", "", "miniImageNet", ""]

    def test_nothing_to_draw(self):
        with pytest.raises(ValueError, match="`examples` must not be empty"):
            reconstructions.draw({"Omniglot": ([], make_view())})


class PictureRowsTest:
    def test_row_without_a_picture_for_each_heading(self):
        row = [(IMAGES[0], {})]
        with pytest.raises(ValueError, match=r"2 pictures.*\[1\]"):
            picture_rows.draw({"A": [row]}, ["one", "two"])
