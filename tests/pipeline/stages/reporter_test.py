"""Reporter: many targets in one folder, from evaluations written by hand."""

import csv
import html.parser
import json
import time

import pytest

from pipeline import intervals
from pipeline.stages import reporter
from tests.pipeline import smoke


def make_run(method, seed, accuracy):
    metrics = {
        "accuracy": accuracy,
        "negative_log_likelihood": 1.0,
        "expected_calibration_error": 5.0,
        "brier_score": 0.5,
    }
    return {
        "method": method,
        "network": "conv4",
        "seed": seed,
        "steps": 4,
        "test": metrics,
        "validation": {**metrics, "accuracy": accuracy + 1},
    }


def write_evaluation(folder, label, runs):
    """Writes what the Evaluator leaves of a target; returns the folder."""
    (folder / label).mkdir(parents=True)
    evaluation = {
        "label": label,
        "data": f"npz:<b>{label}</b>",
        "examples": {"training": 10, "validation": 4, "test": 6},
        "runs": runs,
        "summary": intervals.summarize(runs),
        "gains": intervals.paired_gains(runs),
    }
    (folder / label / "evaluation.json").write_text(json.dumps(evaluation))
    (folder / f"{label}.html").write_text(f"page of {label}")
    return folder


def make_runs(gain, seeds=2):
    return [
        make_run(method, seed, 50.0 + seed + gain * (method != "base"))
        for method in ("base", "meta_perturb")
        for seed in range(seeds)
    ]


@pytest.fixture
def results(tmp_path):
    """The Evaluator's folders of the targets "cats" and "dogs"."""
    return [
        write_evaluation(tmp_path / f"of_{label}", label, make_runs(gain))
        for label, gain in (("cats", 10.0), ("dogs", -10.0))
    ]


class Links(html.parser.HTMLParser):
    """Collects where the links of a page lead."""

    def __init__(self, text):
        super().__init__()
        self.targets = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.targets.append(dict(attributes)["href"])


class ReportTest:
    def test_overview_leads_to_every_report(self, results, tmp_path):
        folder = tmp_path / "out"
        reporter.report(results, "two targets", folder)
        page = (folder / "report.html").read_text(encoding="utf-8")
        targets = Links(page).targets
        assert targets == ["results.csv", "cats.html", "dogs.html"]
        assert all((folder / target).is_file() for target in targets)
        assert (folder / "cats.html").read_text() == "page of cats"

    def test_overview_has_metrics_and_verdict_of_each(self, results, tmp_path):
        reporter.report(results, "two targets", tmp_path / "out")
        page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
        assert "<td>60.5 ± 6.4</td>" in page  # 12.706 * 0.7071 / sqrt(2)
        assert "<td>40.5 ± 6.4</td>" in page
        improved, worsened = (
            page.index(f"φ clearly {word} accuracy")
            for word in ("improved", "worsened")
        )
        assert page.index("cats.html") < improved < page.index("dogs.html")
        assert worsened > page.index("dogs.html")
        assert "<b>" not in page

    def test_report_of_one_target_is_its_own(self, results, tmp_path):
        reporter.report(results[:1], "one target", tmp_path / "out")
        page = (tmp_path / "out" / "report.html").read_text()
        assert page == "page of cats"

    def test_evaluations_by_label(self, results, tmp_path):
        returned = reporter.report(results, "two", tmp_path / "out")
        stored = smoke.read_json(tmp_path / "out" / "evaluation.json")
        assert list(stored) == ["cats", "dogs"]
        assert stored == returned
        assert stored["dogs"]["runs"][0]["test"]["accuracy"] == 50.0

    def test_csv_has_a_line_for_each_run_and_part(self, results, tmp_path):
        reporter.report(results, "two", tmp_path / "out")
        with open(tmp_path / "out" / "results.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 2 * 4 * 2
        row = rows[-1]
        assert row["target"] == "dogs"
        assert row["part"] == "test"
        assert (row["method"], row["seed"]) == ("meta_perturb", "1")
        assert float(row["accuracy"]) == 41.0
        assert float(rows[-2]["accuracy"]) == 42.0  # validation


class ManyRunsTest:
    def test_a_thousand_runs_are_written_and_read_in_seconds(self, tmp_path):
        folders = [
            write_evaluation(tmp_path / f"{n}", f"target_{n}", make_runs(1, 5))
            for n in range(100)
        ]
        began = time.process_time()
        reporter.report(folders, "a sweep", tmp_path / "report")
        with open(tmp_path / "report" / "results.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        read = smoke.read_json(tmp_path / "report" / "evaluation.json")
        assert time.process_time() - began < 10
        assert len(rows) == 2 * 1000  # validation and test
        assert sum(len(each["runs"]) for each in read.values()) == 1000
