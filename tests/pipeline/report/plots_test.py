"""Every plot is one SVG, also of the least that a run can leave."""

import xml.etree.ElementTree

import numpy as np
import pytest

from mp_keras.evaluation import inspection
from pipeline.report import plots


def make_runs(*methods):
    figures = {
        "accuracy": 50.0,
        "negative_log_likelihood": 1.0,
        "expected_calibration_error": 5.0,
    }
    return [
        {"method": method, "seed": seed, "test": figures}
        for seed, method in enumerate(methods)
    ]


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


def read(text):
    """Returns the root of an SVG; raises, if it is not well-formed."""
    root = xml.etree.ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    return root


class FiguresByMethodTest:
    @pytest.mark.parametrize(
        "methods", [("base",), ("base", "meta_perturb"), ("base", "base", "x")]
    )
    def test_any_number_of_methods_and_seeds(self, methods):
        read(plots.figures_by_method(make_runs(*methods)))

    def test_same_runs_give_the_same_text(self):
        runs = make_runs("base", "meta_perturb")
        text = plots.figures_by_method(runs)
        assert text == plots.figures_by_method(runs)
        runs[0]["test"] = {**runs[0]["test"], "accuracy": 51.0}
        assert text != plots.figures_by_method(runs)


class ReliabilityTest:
    def bars(self, probabilities, labels, bins=4):
        """Returns the bars (left, height, opacity) that are drawn."""
        drawn = []
        axes = plots.plt.Axes
        original = axes.bar
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                axes,
                "bar",
                lambda self, left, height, **options: (
                    drawn.append((left, height, options["alpha"])),
                    original(self, left, height, **options),
                ),
            )
            read(
                plots.reliability(
                    [np.array(probabilities)],
                    np.array(labels),
                    make_runs("base"),
                    bins=bins,
                )
            )
        return drawn

    def test_bars_are_the_accuracies_of_their_bins(self):
        probabilities = [[0.6, 0.4], [0.3, 0.7], [0.0, 1.0], [0.25, 0.75]]
        bars = self.bars(probabilities, [0, 0, 1, 0])
        # 0.6, 0.7 and 0.75 lie in (0.5, 0.75]: one hit of three.
        expected = [
            (0.5, 1 / 3, 0.25 + 0.75 * 3 / 4),
            (0.75, 1.0, 0.25 + 0.75 / 4),
        ]
        np.testing.assert_allclose(bars, expected)

    def test_empty_bins_have_no_bar(self):
        bars = self.bars([[0.0, 1.0]], [1], bins=15)
        np.testing.assert_allclose(bars, [(14 / 15, 1.0, 1.0)])

    def test_method_pools_its_seeds(self):
        runs = make_runs("base", "meta_perturb", "base")
        probabilities = [np.full((4, 2), 0.5)] * 3
        text = plots.reliability(probabilities, np.array([0, 1, 1, 0]), runs)
        read(text)


class HistoryTest:
    def test_single_window(self):
        windows = [{"step": 4, "task_loss": 1.0, "held_out_loss": 2.0}]
        read(plots.meta_training(windows))
        read(plots.convergence([[{"step": 4, "loss": 1.0}]], make_runs("base")))

    def test_legend_names_a_method_once(self, monkeypatch):
        labels = []
        original = plots.plt.Axes.plot

        def plot(self, *arguments, **options):
            labels.append(options["label"])
            return original(self, *arguments, **options)

        monkeypatch.setattr(plots.plt.Axes, "plot", plot)
        history = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}]
        runs = make_runs("base", "base", "meta_perturb")
        read(plots.convergence([history] * 3, runs))
        assert labels == ["plain network", None, "with φ"]


class PositionsTest:
    @pytest.mark.parametrize("low", [-3.0, 0.0])
    def test_feature_maps(self, low):
        """Before the activation a whole channel may lie below zero."""
        rng = np.random.default_rng(0)
        features = rng.uniform(low, low + 2, (2, 6, 6, 5))
        read(plots.feature_maps([make_view(features)]))

    def test_constant_features(self):
        read(plots.feature_maps([make_view(np.zeros((1, 4, 4, 2)))] * 2))

    def test_scales(self):
        read(plots.scales([make_view(np.ones((1, 4, 4, 1)))]))
