"""The corpus of damaged files: large, and the same every time."""

import collections

from tests.hostile import corpus
from tests.hostile import good_files
from tests.hostile import mutations


class CorpusTest:
    def test_holds_over_1500_files(self):
        others = len(good_files.IMAGE_FORMATS) - 1
        total = sum(corpus.COUNTS.values())
        assert total + others * corpus.COUNTS["picture"] >= 1500

    def test_has_as_many_cases_as_it_says(self, prepare):
        good = prepare("run")
        cases = corpus.damage(good, "run")
        assert len(cases) == corpus.COUNTS["run"]
        files = collections.Counter(case.file for case in cases)
        assert set(files.values()) == {corpus.COUNTS["run"] // 4}

    def test_is_the_same_for_the_same_seed(self, prepare):
        good = prepare("zip")
        first = corpus.damage(good, "archive", seed=3)
        assert corpus.damage(good, "archive", seed=3) == first
        assert corpus.damage(good, "archive", seed=4) != first


class MutateTest:
    def test_damages_in_every_way(self):
        content = bytes(range(256)) * 2
        found = mutations.mutate(content, 100)
        kinds = {label.rpartition(" ")[0] for label, _ in found}
        assert len(kinds) == 8  # foreign files, and seven damages
        changed = sum(damaged != content for _, damaged in found)
        assert changed >= 95  # zeros may meet zeros

    def test_empty_and_short_files(self):
        assert len(mutations.mutate(b"ab", 60)) == 60
