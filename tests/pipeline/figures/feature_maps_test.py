"""Figure 10: the maps of the strongest channel, before, noise, after."""

import numpy as np
import pytest

from mp_keras.evaluation import inspection
from pipeline.figures import feature_maps
from pipeline.figures import saving

IMAGE = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype("uint8")


def make_view(size, seed):
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (2, size, size, 3))
    features[0, :, :, 1] += 5  # the strongest one
    noise = rng.uniform(0.5, 2, features.shape)
    return inspection.PositionView(
        name=f"position_{seed}",
        features=features,
        noise=noise,
        scale=np.full(3, 0.5),
        noise_coefficient=1.0,
        outputs=features * noise * 0.5,
    )


class DrawTest:
    def test_pictures_carry_image_and_maps(self, tmp_path):
        views = [make_view(8, 0), make_view(4, 1)]
        figure = feature_maps.draw({"CUB": (IMAGE, views)})
        saving.save(figure, tmp_path / "figure10")
        shown = {
            panel.get_title(): panel.images[0]
            for panel in figure.axes
            if panel.get_title()
        }
        assert list(shown) == ["before φ", "noise z", "after φ", "CUB"]
        np.testing.assert_array_equal(shown["CUB"].get_array(), IMAGE)
        maps = views[0].features, views[0].noise, views[0].outputs
        for title, expected in zip(shown, maps):
            np.testing.assert_array_equal(
                shown[title].get_array(), expected[0, :, :, 1]
            )

    def test_before_and_after_share_colours(self):
        view = make_view(4, 0)
        figure = feature_maps.draw({"CUB": (IMAGE, [view])})
        before, noise, after, _ = (panel.images[0] for panel in figure.axes)
        both = np.stack([view.features, view.outputs])[:, 0, :, :, 1]
        assert before.get_clim() == after.get_clim() == (both.min(), both.max())
        assert noise.get_clim() == (0, view.noise[0, :, :, 1].max())

    def test_examples_stand_side_by_side(self):
        views = [make_view(4, 0)]
        gray = np.zeros((8, 8, 1))
        figure = feature_maps.draw({"CUB": (IMAGE, views), "1": (gray, views)})
        pictures = [panel for panel in figure.axes if panel.images]
        assert len(pictures) == 2 * (1 + 3)
        assert len(figure.axes) == len(pictures)

    @pytest.mark.parametrize("data", [{}, {"CUB": (IMAGE, [])}])
    def test_nothing_to_draw(self, data):
        with pytest.raises(ValueError, match="`examples` must not be empty"):
            feature_maps.draw(data)

    def test_numbers_of_positions_must_agree(self):
        view = make_view(4, 0)
        data = {"CUB": (IMAGE, [view]), "Cars": (IMAGE, [view] * 2)}
        with pytest.raises(ValueError, match="{'CUB': 1, 'Cars': 2}"):
            feature_maps.draw(data)
