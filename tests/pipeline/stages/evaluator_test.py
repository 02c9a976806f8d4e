"""Evaluator: the report's numbers, found again from the SavedModels."""

import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from pipeline import intervals
from pipeline.stages import evaluator
from pipeline.stages import example_gen
from pipeline.trainings import target_data
from tests.pipeline import smoke


def metrics_of(folder, images, labels):
    """The metrics by hand, of 2 noise samples."""
    classifier = tf.saved_model.load(str(folder / "saved_model"))
    outputs = classifier.predict(
        tf.constant(images), tf.constant(2), tf.constant(0)
    )
    probabilities = outputs["probabilities"].numpy().astype("float64")
    rows = np.arange(len(labels))
    confidence = probabilities.max(1)
    hits = probabilities.argmax(1) == labels
    error = 0.0
    for low in np.arange(15) / 15:
        members = (confidence > low) & (confidence <= low + 1 / 15)
        if members.any():
            gap = abs(hits[members].mean() - confidence[members].mean())
            error += gap * members.mean()
    return {
        "accuracy": 100 * hits.mean(),
        "negative_log_likelihood": -np.log(probabilities[rows, labels]).mean(),
        "expected_calibration_error": 100 * error,
        # Of a row p with truth t: |p|^2 - 2 p_t + 1.
        "brier_score": np.mean(
            np.sum(probabilities**2, axis=1)
            - 2 * probabilities[rows, labels]
            + 1
        ),
    }


class EvaluateTest:
    @pytest.mark.parametrize("part", ["test", "validation"])
    def test_metrics(
        self, evaluated, classifiers, examples, make_target_config, part
    ):
        source = example_gen.examples_source(examples)
        data, validation = target_data.load_data(
            make_target_config(), source=source
        )
        images, labels = {
            "test": (data.test_images, data.test_labels),
            "validation": validation,
        }[part]
        assert len(labels) == {"test": 20, "validation": 24}[part]
        runs = smoke.read_json(evaluated / "squares" / "evaluation.json")[
            "runs"
        ]
        assert [run["method"] for run in runs] == ["base", "meta_perturb"]
        for run in runs:
            folder = classifiers[run["method"]]
            expected = metrics_of(folder, images, labels)
            assert run[part] == pytest.approx(expected, rel=1e-4)
            assert run["folder"] == f"squares/runs/{run['method']}-seed5"
            assert (run["seed"], run["steps"]) == (5, 4)

    def test_summary_and_gains_are_those_of_the_runs(self, evaluated, name):
        result = smoke.read_json(evaluated / "squares" / "evaluation.json")
        assert result["data"] == name
        assert result["samples"] == 2
        assert result["examples"] == {
            "training": 24,
            "validation": 24,
            "test": 20,
        }
        base, ours = (run["test"] for run in result["runs"])
        for metric, sign in (
            ("accuracy", 1),
            ("negative_log_likelihood", -1),
            ("expected_calibration_error", -1),
        ):
            assert result["summary"]["base"][metric]["mean"] == base[metric]
            gain = sign * (ours[metric] - base[metric])
            found = result["gains"]["meta_perturb"][metric]["mean"]
            assert found == pytest.approx(gain)

    def test_report(self, evaluated):
        result = smoke.read_json(evaluated / "squares" / "evaluation.json")
        page = (evaluated / "squares.html").read_text(encoding="utf-8")
        assert intervals.verdict(result["gains"]) in page
        assert page.count("<table>") == page.count("</table>") == 2
        # Figures, reliability, convergence, meta-training, maps and scales.
        assert page.count("<svg") == page.count("</svg>") == 6
        for method in ("base", "meta_perturb"):
            accuracy = result["summary"][method]["accuracy"]
            assert f"<td>{intervals.format_interval(accuracy, 1)}" in page
        assert "24 for validation, 20 for the test" in page

    def test_report_escapes_the_name_of_the_data(self, evaluated):
        page = (evaluated / "squares.html").read_text(encoding="utf-8")
        assert "<i>" not in page
        assert "npz:&lt;i&gt;squares&lt;/i&gt; &amp; more" in page

    def test_report_shows_no_path_of_a_step(self, evaluated, root):
        page = (evaluated / "squares.html").read_text(encoding="utf-8")
        assert "examples.npz" not in page

    def test_links_of_the_report_lead_to_files(self, evaluated):
        page = (evaluated / "squares.html").read_text(encoding="utf-8")
        links = re.findall(r'<a href="([^"]*)"', page)
        # evaluation.json, 6 drawings, 3 files of each of 2 runs.
        assert len(links) == 1 + 6 + 2 * 3
        for link in links:
            assert (evaluated / link).stat().st_size > 0

    def test_drawings_are_svg_files(self, evaluated):
        page = (evaluated / "squares.html").read_text(encoding="utf-8")
        drawings = list((evaluated / "squares" / "figures").glob("*.svg"))
        assert len(drawings) == 6
        for drawing in drawings:
            assert drawing.read_text(encoding="utf-8") in page

    def test_files_of_the_runs(self, evaluated, classifiers):
        for method, folder in classifiers.items():
            copy = evaluated / "squares" / "runs" / f"{method}-seed5"
            for name in ("result.json", "config.json", "history.jsonl"):
                assert (copy / name).read_text() == (folder / name).read_text()

    def test_classifier_that_does_not_load(
        self, classifiers, examples, meta_run, make_target_config, tmp_path
    ):
        (tmp_path / "broken" / "saved_model").mkdir(parents=True)
        shutil.copy(classifiers["base"] / "config.json", tmp_path / "broken")
        with pytest.raises(ValueError, match="must be a whole SavedModel"):
            evaluator.evaluate(
                [classifiers["base"], tmp_path / "broken"],
                examples,
                meta_run,
                make_target_config(),
                "squares",
                tmp_path / "out",
            )
        assert not (tmp_path / "out").exists()
