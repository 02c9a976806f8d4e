"""Intervals and gains against values worked out by hand."""

import math

import pytest

from pipeline import intervals


def make_run(method, seed, accuracy, likelihood=1.0, calibration=5.0):
    metrics = {
        "accuracy": accuracy,
        "negative_log_likelihood": likelihood,
        "expected_calibration_error": calibration,
    }
    return {"method": method, "seed": seed, "test": metrics}


class IntervalTest:
    def test_three_values(self):
        """Standard deviation 1; Student's t, 2 degrees: 4.3027."""
        result = intervals.interval([1.0, 2.0, 3.0])
        assert result["mean"] == 2
        assert result["half_width"] == pytest.approx(
            4.3027 / math.sqrt(3), rel=1e-4
        )
        assert result["seeds"] == 3

    def test_equal_values(self):
        assert intervals.interval([7, 7])["half_width"] == 0

    def test_single_value_has_no_interval(self):
        assert intervals.interval([3]) == {
            "mean": 3.0,
            "half_width": None,
            "seeds": 1,
        }


class SummarizeTest:
    def test_each_method_by_itself_in_order(self):
        runs = [
            make_run("meta_perturb", 0, 60.0),
            make_run("base", 0, 50.0),
            make_run("base", 1, 54.0),
        ]
        summary = intervals.summarize(runs)
        assert list(summary) == ["meta_perturb", "base"]
        assert summary["base"]["accuracy"]["mean"] == 52
        assert summary["base"]["accuracy"]["seeds"] == 2
        assert summary["meta_perturb"]["accuracy"]["half_width"] is None

    def test_another_part(self):
        run = make_run("base", 0, 50.0)
        run["validation"] = {**run["test"], "accuracy": 40.0}
        summary = intervals.summarize([run], part="validation")
        assert summary["base"]["accuracy"]["mean"] == 40


class PairedGainsTest:
    def test_lower_is_better_for_two_metrics(self):
        runs = [
            make_run("base", 0, 50.0, likelihood=2.0, calibration=9.0),
            make_run("meta_perturb", 0, 53.0, likelihood=1.5, calibration=11.0),
        ]
        gains = intervals.paired_gains(runs)["meta_perturb"]
        assert gains["accuracy"]["mean"] == 3
        assert gains["negative_log_likelihood"]["mean"] == 0.5
        assert gains["expected_calibration_error"]["mean"] == -2

    def test_pairs_the_seeds_whatever_their_order(self):
        """Differences 1, 2, 3, although the accuracies spread widely."""
        runs = [
            make_run("meta_perturb", 2, 13.0),
            make_run("meta_perturb", 0, 31.0),
            make_run("base", 0, 30.0),
            make_run("base", 1, 90.0),
            make_run("base", 2, 10.0),
            make_run("meta_perturb", 1, 92.0),
        ]
        gain = intervals.paired_gains(runs)["meta_perturb"]["accuracy"]
        assert gain["mean"] == 2
        assert gain["half_width"] == pytest.approx(2.4841, rel=1e-4)
        assert not gain["clear"]

    def test_seed_without_a_partner_does_not_count(self):
        runs = [
            make_run("base", 0, 50.0),
            make_run("meta_perturb", 0, 51.0),
            make_run("meta_perturb", 1, 99.0),
            make_run("base", 2, 1.0),
        ]
        gain = intervals.paired_gains(runs)["meta_perturb"]["accuracy"]
        assert (gain["mean"], gain["seeds"]) == (1, 1)

    def test_clear_where_the_interval_excludes_zero(self):
        """Differences 9, 10, 11: 10 ± 2.48."""
        runs = []
        for seed in range(3):
            runs.append(make_run("base", seed, 50.0))
            runs.append(make_run("meta_perturb", seed, 59.0 + seed))
        gains = intervals.paired_gains(runs)["meta_perturb"]
        assert gains["accuracy"]["clear"]
        assert not gains["negative_log_likelihood"]["clear"]  # 0 ± 0

    def test_single_pair_is_never_clear(self):
        runs = [make_run("base", 0, 1.0), make_run("meta_perturb", 0, 99.0)]
        assert not intervals.paired_gains(runs)["meta_perturb"]["accuracy"][
            "clear"
        ]

    def test_every_method_that_has_a_pair(self):
        runs = [
            make_run("base", 0, 50.0),
            make_run("mixup", 0, 49.0),
            make_run("meta_perturb", 0, 53.0),
            make_run("drop_block", 1, 99.0),
        ]
        gains = intervals.paired_gains(runs)
        found = {key: gain["accuracy"]["mean"] for key, gain in gains.items()}
        assert found == {"mixup": -1, "meta_perturb": 3}


def make_gains(accuracy, likelihood, calibration):
    """Gains from (mean, clear) of the first three metrics."""
    numbers = zip(intervals.METRICS, (accuracy, likelihood, calibration))
    return {
        name: {"mean": mean, "half_width": 1.0, "seeds": 3, "clear": clear}
        for name, (mean, clear) in numbers
    }


class VerdictTest:
    @pytest.mark.parametrize(
        ("gains", "sentence"),
        [
            (
                make_gains((4, True), (0.1, False), (9, True)),
                "φ clearly improved accuracy and calibration error; "
                "no clear difference in negative log-likelihood. (95 %",
            ),
            (
                make_gains((-4, True), (0.1, False), (9, False)),
                "φ clearly worsened accuracy; no clear difference in "
                "negative log-likelihood and calibration error. (95 %",
            ),
            (
                make_gains((-4, True), (0.1, True), (9, False)),
                "φ clearly improved negative log-likelihood; "
                "φ clearly worsened accuracy; no clear difference in "
                "calibration error. (95 %",
            ),
            (
                make_gains((4, False), (0.1, False), (9, False)),
                "φ changed none of the metrics clearly. (95 %",
            ),
        ],
    )
    def test_says_what_is_clear(self, gains, sentence):
        assert intervals.verdict({"meta_perturb": gains}).startswith(sentence)

    def test_a_sentence_for_each_method(self):
        nothing = make_gains((4, False), (0.1, False), (9, False))
        all_three = make_gains((4, True), (0.1, True), (9, True))
        text = intervals.verdict(
            {
                "meta_perturb": nothing,
                "meta_perturb+manifold_mixup": all_three,
            }
        )
        assert text.startswith(
            "φ changed none of the metrics clearly. φ + Manifold Mixup clearly "
            "improved accuracy, negative log-likelihood and calibration error. "
            "(95 %"
        )

    def test_without_pairs(self):
        assert "no pair of runs" in intervals.verdict({})


class TextTableTest:
    def test_columns_are_aligned(self):
        runs = [
            make_run("base", 0, 50.0, likelihood=1.2345),
            make_run("meta_perturb", 0, 53.25, likelihood=1.0),
            make_run("base", 1, 60.0, likelihood=1.2345),
            make_run("meta_perturb", 1, 61.25, likelihood=1.0),
        ]
        table = intervals.text_table(
            intervals.summarize(runs), intervals.paired_gains(runs)
        )
        head, plain, ours, _, title, gain = table.splitlines()
        assert title == "gain, seed by seed"
        assert head.split("  ")[0] == ""
        for heading in ("accuracy (%)", "likelihood (nats)", "error (%)"):
            assert heading in head
        assert plain.startswith("plain network ")
        assert ours.startswith("φ ")
        assert gain.startswith("φ ")
        # Differences 3.25 and 1.25; t, 1 degree: 12.706.
        assert "+2.2 ± 12.7" in gain
        columns = [line.index("±") for line in (plain, ours)]
        assert columns[0] == columns[1]
        assert "1.234 ± 0.000" in plain or "1.235 ± 0.000" in plain
        assert "+0.234 ± 0.000" in gain or "+0.235 ± 0.000" in gain

    def test_single_seed_and_no_gain(self):
        table = intervals.text_table(
            intervals.summarize([make_run("drop_block", 0, 50.04)]), {}
        )
        _, row = table.splitlines()
        assert row.split() == ["DropBlock", "50.0", "1.000", "5.0"]


class ChoiceSentenceTest:
    def test_names_method_and_values(self):
        choice = {
            "method": "meta_perturb+manifold_mixup",
            "values": {
                "base": {"c_max": 1.0},
                "meta_perturb+manifold_mixup": {"c_max": 0.25},
            },
            "trials": [
                {"method": "base", "c_max": 1.0},
                {"method": "meta_perturb+manifold_mixup", "c_max": 1.0},
                {"method": "meta_perturb+manifold_mixup", "c_max": 0.25},
            ],
            "classes": 10,
            "shots": 5,
        }
        assert intervals.choice_sentence(choice) == (
            "Chosen on the source, by tasks of 10 classes of 5 images: "
            "φ + Manifold Mixup, noise at 0.25."
        )
        assert intervals.choice_sentence(choice | {"method": "base"}).endswith(
            "of 5 images: plain network."
        )

    def test_nothing_was_chosen(self):
        assert intervals.choice_sentence(None) == ""
