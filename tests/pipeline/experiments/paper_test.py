"""The paper's numbers as data."""

import pytest

from pipeline.experiments import paper


class PaperValueTest:
    @pytest.mark.parametrize(
        ("table", "row", "column", "expected"),
        [
            ("1 accuracy (%) ResNet20", "MetaPerturb", "Cars", "62.49 0.96"),
            ("2 accuracy (%) small-SVHN", "Base", "WRN-28-2", "88.95 0.44"),
            ("3 accuracy (%) ablation", "without noise", "CUB", "14.86 2.60"),
            ("4 ECE (%) ResNet20", "DropBlock", "Dogs", "5.89 0.71"),
        ],
    )
    def test_is_as_printed(self, table, row, column, expected):
        value = paper.paper_value(table, row, column)
        assert " ".join(value) == expected

    def test_what_the_paper_does_not_have_is_none(self):
        table = "1 accuracy (%) ResNet20"
        assert paper.paper_value(table, "MetaPerturb", "MNIST") is None
        assert paper.paper_value(table, "Base", "STL10", "Meta Dropout") is None
