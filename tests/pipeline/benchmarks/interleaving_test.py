import pytest

from pipeline.benchmarks import interleaving


class MeasureTest:
    def test_actions_take_turns_after_the_warm_up(self):
        calls = []
        actions = {name: lambda name=name: calls.append(name) for name in "ab"}
        seconds = interleaving.measure(actions, rounds=2, warm_up=1)
        assert "".join(calls) == "ab" + "abab"
        assert {name: len(each) for name, each in seconds.items()} == {
            "a": 2,
            "b": 2,
        }

    def test_seconds_that_an_action_returns_are_kept(self):
        answers = iter([9.0, 1.0, 2.0])
        seconds = interleaving.measure({"a": lambda: next(answers)}, 2, 1)
        assert seconds == {"a": [1.0, 2.0]}


class SummaryTest:
    def test_milliseconds_are_median_and_quartiles(self):
        measured = interleaving.milliseconds([0.004, 0.001, 0.002, 0.003, 0.1])
        assert measured["median_ms"] == pytest.approx(3)
        assert measured["quartiles_ms"] == pytest.approx([2, 4])

    def test_ratio_compares_within_a_round(self):
        """The second round was ten times slower for both."""
        ratio = interleaving.ratio([2.0, 20.0, 2.2], [1.0, 10.0, 1.0])
        assert ratio["median"] == pytest.approx(2.0)
        assert ratio["quartiles"] == pytest.approx([2.0, 2.1])

    def test_one_round_has_no_spread(self):
        assert interleaving.ratio([3.0], [2.0])["quartiles"] == [1.5, 1.5]
