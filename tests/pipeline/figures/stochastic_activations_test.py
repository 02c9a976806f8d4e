"""Figure 7 of Meta Dropout: the maps of the strongest channel."""

import numpy as np
import pytest

from mp_keras.few_shot import activations
from pipeline.figures import saving
from pipeline.figures import stochastic_activations

IMAGES = np.random.default_rng(0).random((2, 8, 8, 3))


def make_view(copies=3):
    rng = np.random.default_rng(1)
    maps = rng.random((2, 4, 4, 5))
    maps[:, :, :, 2] += 1  # the strongest
    return activations.ActivationView(
        unperturbed=2 * maps,
        expected=maps,
        stochastic=maps * rng.random((copies, 2, 4, 4, 5)),
    )


class DrawTest:
    def test_rows_carry_image_and_maps(self, tmp_path):
        view = make_view()
        figure = stochastic_activations.draw({"Omniglot": (IMAGES, view)})
        saving.save(figure, tmp_path / "figure7")
        shown = [panel.images[0] for panel in figure.axes]
        titles = [panel.get_title() for panel in figure.axes[:7]]
        assert titles == [
            "image",
            "no noise",
            "expected",
            "noisy 1",
            "noisy 2",
            "noisy 3",
            "deviation",
        ]
        assert len(shown) == 2 * 7
        drawn = view.stochastic[:, 1, :, :, 2]
        for picture, expected in zip(
            shown[7:],
            (
                IMAGES[1],
                view.unperturbed[1, :, :, 2],
                view.expected[1, :, :, 2],
                *drawn,
                drawn.std(axis=0),
            ),
        ):
            np.testing.assert_array_equal(picture.get_array(), expected)

    def test_maps_of_a_row_share_their_range(self):
        view = make_view()
        figure = stochastic_activations.draw({"Omniglot": (IMAGES, view)})
        ranges = {panel.images[0].get_clim() for panel in figure.axes[1:6]}
        assert ranges == {(0, view.unperturbed[0, :, :, 2].max())}

    def test_five_passes_at_most_and_their_spread_of_all(self):
        view = make_view(copies=8)
        figure = stochastic_activations.draw({"Omniglot": (IMAGES[:1], view)})
        assert len(figure.axes) == 3 + 5 + 1
        np.testing.assert_allclose(
            figure.axes[-1].images[0].get_array(),
            view.stochastic[:, 0, :, :, 2].std(axis=0),
        )

    def test_numbers_of_passes_must_agree(self):
        examples = {
            "Omniglot": (IMAGES, make_view(2)),
            "miniImageNet": (IMAGES, make_view(3)),
        }
        with pytest.raises(ValueError, match=r"noisy passes.*\[2, 3\]"):
            stochastic_activations.draw(examples)
