"""The cost of determinism, on made-up processes and one real one."""

import pytest

from pipeline.benchmarks import determinism
from pipeline.benchmarks import processes

TINY = {"network": "conv4", "image_size": 16, "batch_size": 2, "steps": 1}


class MeasureTest:
    def test_variants_take_turns_and_are_summed_up(self, monkeypatch):
        answers = iter(
            [(10.0, "a"), (12.0, "a"), (30.0, "a"), (18.0, "b"), (20.0, "a")]
            + [(15.0, "a")]
        )
        asked = []

        def run(module, settings):
            asked.append(settings)
            return dict(zip(("step_ms", "digest"), next(answers)))

        monkeypatch.setattr(processes, "run", run)
        found = determinism.measure_all(
            "vgg9", 16, 4, 2, 7, rounds=3, variants=("fixed", "rewritten")
        )
        variants = [settings["variant"] for settings in asked]
        assert variants == ["fixed", "rewritten"] * 3
        assert asked[0]["batch_size"] == 4 and asked[0]["steps"] == 7
        assert found["fixed"] == {
            "step_ms": 20.0,
            "spread_ms": [10.0, 30.0],
            "digests": 1,
            "ratio": 1.0,
        }
        assert found["rewritten"]["digests"] == 2
        assert found["rewritten"]["ratio"] == 0.75

    @pytest.mark.long
    def test_a_real_process(self):
        found = determinism.measure_all(
            **TINY, rounds=1, variants=[determinism.FIXED]
        )
        assert found["fixed"]["digests"] == 1
        assert 0 < found["fixed"]["step_ms"] < 60_000

    def test_failing_process_is_shown(self):
        with pytest.raises(ChildProcessError, match="exit code 1.*conv5"):
            determinism.measure_all(**{**TINY, "network": "conv5"}, rounds=1)
