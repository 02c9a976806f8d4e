"""The pictures of φ at one position, pixel by pixel."""

import numpy as np

from mp_keras.evaluation import inspection
from pipeline.runs import position_summaries

_WEAK = [[0.1, 0.1], [0.1, 0.1]]


def make_view(features, noise, outputs):
    """A view of two examples and two channels; shows example 1, channel 1."""

    def maps(strong):
        array = np.zeros((2, 2, 2, 2), "float32")
        array[1, :, :, 0] = _WEAK
        array[1, :, :, 1] = strong
        return array

    return inspection.PositionView(
        name="position",
        features=maps(features),
        noise=maps(noise),
        scale=np.array([0.5, 0.5], "float32"),
        noise_coefficient=1.0,
        outputs=maps(outputs),
    )


class DrawMapsTest:
    def test_three_panels_of_the_strongest_channel(self):
        view = make_view(
            features=[[4.0, -4.0], [1.0, 0.0]],
            noise=[[0.5, 0.25], [0.0, 0.5]],
            outputs=[[2.0, -1.0], [0.5, 0.0]],
        )
        picture = position_summaries.draw_maps(view, example=1)
        assert picture.shape == (100, 300, 1)
        assert picture.dtype == "uint8"
        panels = picture[:, :, 0].reshape(100, 3, 100).swapaxes(0, 1)
        for panel in panels:  # a white frame of two pixels
            assert np.all(panel[:2] == 255) and np.all(panel[-2:] == 255)
            assert np.all(panel[:, :2] == 255) and np.all(panel[:, -2:] == 255)
        inner = panels[:, 2:98, 2:98].reshape(3, 2, 48, 2, 48)
        assert np.all(inner == inner[:, :, :1, :, :1])  # flat squares
        before, noise, after = inner[:, :, 0, :, 0].tolist()
        assert before == [[255, 0], [63, 0]]  # negative ones are black
        assert noise == [[255, 127], [0, 255]]  # a range of its own
        assert after == [[127, 0], [31, 0]]  # the range of `before`

    def test_dead_channel_is_black(self):
        zeros = np.zeros((2, 2))
        view = make_view(zeros, zeros, zeros)
        view.features[:] = view.outputs[:] = view.noise[:] = 0
        picture = position_summaries.draw_maps(view)[2:98]
        panels = picture[:, :, 0].reshape(96, 3, 100)[:, :, 2:98]
        assert not panels.any()
