"""Files and text are whole, and the same for the same figure."""

import xml.etree.ElementTree

import matplotlib
import pytest
from matplotlib import image

from pipeline.figures import canvas
from pipeline.figures import saving


def make_figure():
    figure, panels = canvas.make_panels(1, 2, 1.5, 1)
    panels[0, 0].plot([0, 1], [2, 3], label="rise")
    canvas.add_legend(figure, panels)
    return figure


class SaveTest:
    def test_png_and_svg_are_written(self, tmp_path):
        png, svg = saving.save(make_figure(), tmp_path / "new" / "figure.4")
        assert png == tmp_path / "new" / "figure.4.png"
        assert svg == tmp_path / "new" / "figure.4.svg"
        height, width, _ = image.imread(png).shape
        assert height == 200
        assert width > 600  # the legend beside the panels
        root = xml.etree.ElementTree.parse(svg).getroot()
        assert root.tag.endswith("svg")
        assert {path.suffix for path in png.parent.iterdir()} == {
            ".png",
            ".svg",
        }

    def test_same_figure_is_the_same_bytes(self, tmp_path):
        first, again = (
            [path.read_bytes() for path in saving.save(make_figure(), place)]
            for place in (tmp_path / "a", tmp_path / "b")
        )
        assert first == again

    def test_failure_keeps_the_old_files(self, tmp_path, monkeypatch):
        paths = saving.save(make_figure(), tmp_path / "a")
        before = [path.read_bytes() for path in paths]
        figure = make_figure()
        monkeypatch.setattr(figure, "savefig", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            saving.save(figure, tmp_path / "a")
        assert [path.read_bytes() for path in paths] == before
        assert len(list(tmp_path.iterdir())) == 2

    def test_global_settings_stay(self, tmp_path):
        # matplotlib itself settles the backend at the first use.
        matplotlib.get_backend()
        before = matplotlib.rcParams.copy()
        saving.save(make_figure(), tmp_path / "a")
        assert matplotlib.rcParams == before


class SvgElementTest:
    def test_same_figure_is_the_same_text(self):
        text = saving.svg_element(make_figure())
        assert text == saving.svg_element(make_figure())
        assert text != saving.svg_element(canvas.make_panels(1, 2, 1.5, 1)[0])

    def test_stands_in_a_page(self):
        """An XML declaration or a document type would be an error there."""
        text = saving.svg_element(make_figure())
        assert "<?xml" not in text and "<!DOCTYPE" not in text
        root = xml.etree.ElementTree.fromstring(text)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
