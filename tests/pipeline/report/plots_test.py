"""Every plot is one SVG that carries what it is given, however little."""

import xml.etree.ElementTree

import numpy as np
import pytest

from mp_keras.evaluation import inspection
from pipeline.figures import saving
from pipeline.report import plots

HISTORY = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]


def make_run(method, seed=0, accuracy=50.0):
    figures = {
        "accuracy": accuracy,
        "negative_log_likelihood": 1.0,
        "expected_calibration_error": 5.0,
        "brier_score": 0.7,
    }
    return {"method": method, "seed": seed, "test": figures}


def make_runs(*methods):
    return [make_run(method, seed) for seed, method in enumerate(methods)]


def make_view(features):
    noise = np.random.default_rng(1).uniform(0.5, 2, features.shape)
    return inspection.PositionView(
        name="meta_perturb_3",
        features=features,
        noise=noise,
        scale=np.full(features.shape[-1], 0.5),
        noise_coefficient=1.0,
        outputs=features * noise * 0.5,
    )


@pytest.fixture
def draw(monkeypatch):
    """Calls a plot, checks its text, and returns the figure behind it."""
    figures = []
    original = saving.svg_element

    def svg_element(figure):
        figures.append(figure)
        return original(figure)

    def call(plot, *arguments):
        text = plot(*arguments)
        root = xml.etree.ElementTree.fromstring(text)
        assert root.tag.endswith("svg")
        return figures[-1]

    monkeypatch.setattr(saving, "svg_element", svg_element)
    return call


class FiguresByMethodTest:
    def test_dots_are_the_seeds_and_methods_the_rows(self, draw):
        runs = [make_run("base", seed, 40.0 + seed) for seed in range(3)]
        runs.append(make_run("meta_perturb", accuracy=60.0))
        figure = draw(plots.metrics_by_method, runs)
        accuracy = figure.axes[0]
        dots = [
            line.get_xdata().tolist()
            for line in accuracy.get_lines()
            if line.get_marker() == "o"
        ]
        assert dots == [[40, 41, 42], [60]]
        labels = [text.get_text() for text in accuracy.get_yticklabels()]
        assert labels == ["Base", "MetaPerturb"]
        assert accuracy.yaxis_inverted()

    def test_bars_are_mean_and_interval(self, draw):
        """Standard deviation 1; Student's t, 2 degrees: 4.3027."""
        runs = [make_run("base", seed, 40.0 + seed) for seed in range(3)]
        accuracy = draw(plots.metrics_by_method, runs).axes[0]
        (bar,) = accuracy.containers
        ((start, end),) = bar.lines[2][0].get_segments()
        width = 4.3027 / np.sqrt(3)
        np.testing.assert_allclose(
            [start[0], end[0]], [41 - width, 41 + width], rtol=1e-4
        )

    def test_panels_name_quantity_and_unit(self, draw):
        figure = draw(plots.metrics_by_method, make_runs("base"))
        titles = [panel.get_title() for panel in figure.axes]
        assert titles[0] == "accuracy\nhigher is better"
        assert titles[2] == "calibration error\nlower is better"
        units = [panel.get_xlabel() for panel in figure.axes]
        assert units == ["%", "nats", "%", "0 to 2"]


class HistoryTest:
    def test_line_is_the_loss_of_a_run(self, draw):
        runs = make_runs("base", "base", "meta_perturb")
        single = [{"step": 4, "loss": 3.0}]
        figure = draw(plots.convergence, [HISTORY, HISTORY, single], runs)
        data = [
            line.get_xydata().tolist() for line in figure.axes[0].get_lines()
        ]
        assert data == [[[1, 2], [2, 1]]] * 2 + [[[4, 3]]]

    def test_legend_names_a_method_once(self, draw):
        runs = make_runs("base", "base", "meta_perturb")
        figure = draw(plots.convergence, [HISTORY] * 3, runs)
        (legend,) = figure.legends
        names = [text.get_text() for text in legend.get_texts()]
        assert names == ["Base", "MetaPerturb"]


class ReliabilityByMethodTest:
    def test_each_method_has_its_own_panel(self, draw):
        right, wrong = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
        figure = draw(
            plots.reliability_by_method,
            [right, wrong, right],
            [np.array([1])] * 3,
            make_runs("base", "meta_perturb", "base"),
        )
        shown = {
            panel.get_title(): [bar.get_height() for bar in panel.patches]
            for panel in figure.axes
        }
        assert shown == {"Base": [100], "MetaPerturb": [0]}

    def test_labels_meet_the_images_of_every_seed(self, draw):
        labels = np.array([0, 1])
        first = np.array([[1.0, 0.0], [1.0, 0.0]])  # one of two is right
        second = np.array([[1.0, 0.0], [0.0, 1.0]])  # both are
        figure = draw(
            plots.reliability_by_method,
            [first, second],
            [labels, labels],
            make_runs("base", "base"),
        )
        (bar,) = figure.axes[0].patches
        assert bar.get_height() == pytest.approx(75)
        assert figure.axes[0].texts[0].get_text() == "ECE 25.0 %"


class PositionsTest:
    @pytest.mark.parametrize("low", [-3.0, 0.0])
    def test_maps_show_the_image_and_every_position(self, draw, low):
        """Before the activation a whole channel may lie below zero."""
        rng = np.random.default_rng(0)
        view = make_view(rng.uniform(low, low + 2, (2, 6, 6, 5)))
        image = rng.integers(0, 256, (8, 8, 3)).astype("uint8")
        figure = draw(plots.maps_of_positions, [view, view], image)
        pictures = [panel for panel in figure.axes if panel.images]
        assert len(pictures) == 1 + 2 * 3

    def test_constant_features(self, draw):
        views = [make_view(np.zeros((1, 4, 4, 2)))] * 2
        draw(plots.maps_of_positions, views, np.zeros((4, 4, 1), "uint8"))

    def test_scales_are_those_of_the_views(self, draw):
        views = [make_view(np.ones((1, 4, 4, 3)))] * 2
        figure = draw(plots.scales_of_positions, views, "conv4, seed 7")
        (panel,) = figure.axes
        assert panel.get_title() == "conv4, seed 7"
        *dots, mean = panel.get_lines()
        assert [dot.get_ydata().tolist() for dot in dots] == [[0.5] * 3] * 2
        assert mean.get_ydata().tolist() == [0.5] * 2
