"""The page of one classifier, from predictions made by hand."""

import base64
import html.parser
import io
import re

import numpy as np
import pytest
from PIL import Image

from pipeline.report import judged_images
from pipeline.report import run_page

CLASSES = ("cats & dogs", "<b>$5$</b>", "犬")
# Image k is of gray 10 * k: (label, probabilities).
PREDICTIONS = [
    (0, (0.9, 0.1, 0.0)),
    (0, (0.6, 0.3, 0.1)),
    (0, (0.2, 0.7, 0.1)),
    (0, (0.0, 0.01, 0.99)),
    (1, (0.1, 0.8, 0.1)),
    (1, (0.5, 0.4, 0.1)),
]


@pytest.fixture(scope="module")
def judged():
    labels, probabilities = map(np.array, zip(*PREDICTIONS))
    images = np.zeros((6, 4, 4, 3), np.uint8)
    images += 10 * np.arange(6, dtype=np.uint8)[:, None, None, None]
    names = tuple(f"<i>{index}</i>.jpg" for index in range(6))
    return judged_images.JudgedImages(
        images,
        labels,
        names,
        CLASSES,
        probabilities,
        0.5 * probabilities + 1 / 6,
    )


@pytest.fixture(scope="module")
def page(judged):
    history = [
        {"step": 2, "loss": 1.5, "accuracy": 0.5},
        {"step": 4, "loss": 1.0, "accuracy": 0.75, "validation_loss": 2.0},
    ]
    return run_page.render(
        "A classifier for <x>",
        judged,
        "84 training & 26 test images",
        "base, conv4",
        "python -m tools.train_target --workdir='a & b'",
        history,
    )


class MetricsTest:
    def test_classes_count_alike(self, judged):
        found = judged_images.metrics_of(judged.probabilities, judged.labels)
        assert found["accuracy"] == pytest.approx(50)
        assert found["balanced_accuracy"] == pytest.approx(50)
        # Cats: 2 of 3 named so, 2 of 4 found; the other: 1 of 2 and 1 of 2.
        f1 = 2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2)
        assert found["macro_f1"] == pytest.approx(100 * (f1 + 0.5) / 2)
        assert found["brier_score"] > 0

    def test_interval_is_wilsons(self):
        low, high = judged_images.interval(13, 26)
        assert (round(low, 1), round(high, 1)) == (32.1, 67.9)
        assert judged_images.interval(4, 4)[1] == 100

    def test_class_by_class(self, judged):
        rows = judged.by_class()
        assert [row[:3] for row in rows] == [
            (CLASSES[0], 4, 50.0),
            (CLASSES[1], 2, 50.0),
        ]
        assert judged.confusion().tolist() == [[2, 1, 1], [1, 1, 0], [0, 0, 0]]

    def test_mistakes_are_the_most_confident_first(self, judged):
        assert judged.mistakes(2).tolist() == [3, 2]
        assert judged.mistakes(24).tolist() == [3, 2, 5]


class RenderTest:
    def test_says_what_was_read_and_done(self, page):
        text = html.unescape(re.sub("<[^>]*>", "", page))
        assert "3 of 6 test images are recognized: 50.0 %" in text
        assert "84 training & 26 test images" in text
        assert "--workdir='a & b'" in text
        assert "cats & dogs" in text and "<b>$5$</b>" in text

    def test_is_well_formed_and_self_contained(self, page):
        opened = []

        class Parser(html.parser.HTMLParser):
            def handle_starttag(self, tag, attrs):
                assert tag not in ("b", "i") or not attrs
                opened.append(tag)
                for name, value in attrs:
                    if name in ("src", "href", "xlink:href"):
                        assert value.startswith(("data:", "#"))

        Parser().feed(page)
        assert "script" not in opened
        assert opened.count("svg") == 3  # confusion, reliability, curves
        assert opened.count("i") == 0

    def test_mistakes_are_pictures_with_their_names(self, page):
        found = re.findall(
            r'<img src="data:image/png;base64,([^"]*)" alt="([^"]*)">', page
        )
        grays = [
            np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))[0, 0, 0]
            for data, _ in found
        ]
        assert grays == [30, 20, 50]
        assert [html.unescape(name) for _, name in found] == [
            "<i>3</i>.jpg",
            "<i>2</i>.jpg",
            "<i>5</i>.jpg",
        ]
        assert "taken for <b>犬</b>, 99 % sure" in page

    def test_a_faultless_classifier_of_many_classes(self):
        labels = np.arange(60)
        judged = judged_images.JudgedImages(
            np.zeros((60, 2, 2, 3), np.uint8),
            labels,
            (),
            tuple(map(str, labels)),
            np.eye(60),
        )
        page = run_page.render("x", judged, "read", "made")
        assert "60 of 60 test images are recognized: 100.0 %" in page
        assert "There is none" in page and "Nothing was taken" in page
        assert "How it trained" not in page and "<pre>" not in page
        assert "before the temperature" not in page
