"""The report's page of runs without φ, from files written by hand."""

import html.parser
import json

import numpy as np
import pytest

from pipeline import intervals
from pipeline.report import results_page as report
from tests.pipeline import smoke

NASTY = 'npz:<b>cats & "dogs"</b>.npz'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a run of a plain network and of a meta-training."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "history.jsonl").write_text(
        '{"step": 2, "loss": 1.5, "task_loss": 1.4, "held_out_loss": 1.3}\n'
    )
    result = {
        "network": "conv4",
        "data": NASTY,
        "tasks": 10,
        "steps": 4,
        "batch_size": 8,
        "seconds": 12.3,
    }
    (folder / "result.json").write_text(json.dumps(result))
    return folder


@pytest.fixture(scope="module")
def page(folder):
    run = {
        "method": "base",
        "network": "conv4",
        "seed": 7,
        "steps": 4,
        "seconds": 61.7,
        "folder": "cats/runs/base-seed7",
        "files": ["result.json", "history.jsonl"],
        "test": {
            "accuracy": 43.75,
            "negative_log_likelihood": 1.2346,
            "expected_calibration_error": 5.04,
            "brier_score": 0.6543,
        },
    }
    images = np.zeros((4, 8, 8, 3), np.uint8)
    labels = np.arange(4)
    result = {
        "label": "cats",
        "data": NASTY,
        "samples": 3,
        "examples": {"training": 41, "validation": 42, "test": 43},
        "runs": [run],
        "summary": intervals.summarize([run]),
        "gains": {},
        "choice": {
            "method": "base",
            "values": {"base": {"c_max": 1.0}},
            "trials": [
                {
                    "method": "base",
                    "c_max": 1.0,
                    "task": 0,
                    "accuracy": 61.25,
                    "negative_log_likelihood": 0.98765,
                    "temperature": 1.5,
                }
            ],
            "classes": 4,
            "shots": 2,
            "judged_on": 12,
        },
    }
    config = smoke.target_config(NASTY)
    drawings = report.draw(
        [run], [folder], [np.full((4, 4), 0.25)], [labels], images, folder
    )
    return report.render(result, drawings, folder, config)


class Reader(html.parser.HTMLParser):
    """Collects the cells of all tables and checks that tags are closed."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.cells = []
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


class RenderTest:
    def test_tables_show_the_metrics(self, page):
        reader = Reader()
        reader.feed(page)
        assert reader.open == []
        summary = ["Base", "43.8", "1.235", "5.0", "0.654"]
        assert reader.cells[:5] == summary
        trial = ["Base", "1", "0", "61.2", "0.988", "1.50"]
        assert reader.cells[5:11] == trial
        assert reader.cells[11:-1] == [summary[0], "7", *summary[1:], "62"]

    def test_says_what_the_source_chose(self, page):
        assert "by tasks of 4 classes of 2 images: plain network" in page
        assert "on 12 further images of each task" in page

    def test_links_to_the_files_that_a_run_has(self, page):
        for file in ("result.json", "history.jsonl"):
            assert f'<a href="cats/runs/base-seed7/{file}">' in page
        assert "base-seed7/config.json" not in page
        assert '<a href="cats/evaluation.json">' in page
        assert '<a href="cats/figures/reliability.svg">' in page

    def test_names_are_escaped(self, page):
        reader = Reader()
        reader.feed(page)
        assert "b" not in reader.tags
        assert NASTY not in page
        assert page.count("&lt;b&gt;cats &amp; ") >= 3  # title, heading, note

    def test_plots_that_need_phi_are_left_out(self, page):
        reader = Reader()
        reader.feed(page)
        # Figures, reliability, convergence, meta-training.
        assert reader.tags.count("svg") == 4
        assert "at each position" not in page
        assert "no pair of runs" in page

    def test_stands_alone(self, page):
        """Nothing is fetched: no script, no style sheet, no picture."""
        reader = Reader()
        reader.feed(page)
        assert not {"script", "link", "img", "iframe"} & set(reader.tags)

    def test_numbers_of_the_text(self, page):
        for part in (
            "conv4, 4 steps, 41 training images",
            "42 for validation, 43 for the test; 3 noise samples",
            "10 tasks, 4 steps of 8 images, 12 seconds",
        ):
            assert part in page
