"""Values of configs that no run can have, whichever way they came."""

import json
import math

import hypothesis
import pytest
from hypothesis import strategies

from configs.few_shot import glyphs as few_shot_glyphs
from configs.meta_train import glyphs
from configs.target import default
from mp_keras.baselines import adversarial_training
from mp_keras.few_shot import meta_dropout
from mp_keras.perturbation import function
from mp_keras.perturbation import locations
from pipeline import fingerprints
from pipeline.datasets import tasks
from pipeline.datasets.few_shot import episodes
from pipeline.runs import config_values
from pipeline.runs import run_folder
from pipeline.trainings import few_shot_methods

CONFIGS = {
    "meta_train": glyphs.get_config().to_dict(),
    "target": default.get_config().to_dict(),
    "few_shot": few_shot_glyphs.get_config().to_dict(),
}
_NAMES = {
    "adversarial_training.norm": adversarial_training.NORMS,
    "algorithm": few_shot_methods.ALGORITHMS,
    "classes_per": episodes.CLASSES_PER,
    "inner_perturbation": few_shot_methods.PERTURBATIONS,
    "meta_dropout.logits": meta_dropout.LOGITS,
    "meta_dropout.transform": meta_dropout.TRANSFORMS,
    "phi_options.all_branch": function.ALL_BRANCHES,
    "phi_options.noise_per": function.NOISE_PER,
    "positions": locations.LOCATIONS,
    "queries_per": episodes.QUERIES_PER,
    "task_split": tasks.SPLITS,
}
WRONG = (
    "abc",
    "1",
    -1,
    -0.5,
    math.nan,
    math.inf,
    10**30,
    None,
    [],
    ["a"],
    [[]],
)


def leaves(config, prefix=()):
    """Yields the path and value of all that is no section."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def replaced(config, path, value):
    """Returns a copy of nested dicts with another value at a path."""
    key, *rest = path
    new = replaced(config[key], rest, value) if rest else value
    return {**config, key: new}


PATHS = [
    (kind, path, value)
    for kind, config in CONFIGS.items()
    for path, value in leaves(config)
]
NUMBERS = [p for p in PATHS if type(p[2]) in (int, float)]


class CheckTest:
    @pytest.mark.parametrize("kind", CONFIGS)
    def test_ours_are_accepted(self, kind):
        config_values.check(CONFIGS[kind])

    def test_another_type_of_any_value_is_refused(self):
        for kind, path, old in PATHS:
            key = ".".join(path)
            for value in ("abc", 3, 0.5, None, [[]], True):
                number = isinstance(old, float) and type(value) in (int, float)
                if type(value) is type(old) or number:
                    continue
                with pytest.raises(ValueError, match=f"`{key}` must be"):
                    config_values.check(replaced(CONFIGS[kind], path, value))

    def test_numbers_that_no_run_can_have(self):
        for kind, path, _ in NUMBERS:
            for value in WRONG:
                wrong = replaced(CONFIGS[kind], path, value)
                if value == 10**30 and path[-1] in _UNBOUNDED:
                    continue
                with pytest.raises(ValueError, match=f"`{'.'.join(path)}`"):
                    config_values.check(wrong)

    def test_names_are_those_of_who_takes_them(self):
        assert {key: sorted(names) for key, names in _NAMES.items()} == {
            key: sorted(names) for key, names in config_values.NAMES.items()
        }
        for key, names in config_values.NAMES.items():
            for name in names:
                config_values.check({key: name})
            with pytest.raises(ValueError, match=f"`{key}` must be one of"):
                config_values.check({key: "other"})

    @pytest.mark.parametrize(
        ("key", "good", "bad"),
        [
            ("mixup.alpha", (0.1, 1.0), (0.0, 1.5)),
            ("drop_block.rate", (0.0, 0.9), (1.0, -0.1)),
            ("monte_carlo_dropout.rate", (0.0, 0.9), (1.0, -0.1)),
        ],
    )
    def test_limits_are_those_of_the_layers(self, key, good, bad):
        for value in good:
            config_values.check({key: value})
        for value in bad:
            with pytest.raises(ValueError, match=f"`{key}` must be a number"):
                config_values.check({key: value})

    @pytest.mark.parametrize(
        "drops", [(0.0,), (1.0,), (0.5, 0.5), (0.7, 0.4), 0.5, "0.5", (True,)]
    )
    def test_drops_of_the_learning_rate(self, drops):
        with pytest.raises(ValueError, match="rising numbers between 0 and 1"):
            config_values.check({"learning_rate_drops": drops})

    def test_unknown_keys_may_hold_what_is_finite(self):
        config_values.check({"mine": {"value": [1, "a", None, True]}})
        with pytest.raises(ValueError, match="`mine.value` must be finite"):
            config_values.check({"mine": {"value": [1, [math.nan]]}})

    def test_long_values_are_cut_in_the_message(self):
        with pytest.raises(ValueError, match="steps") as caught:
            config_values.check({"steps": "9" * 10**6})
        assert len(str(caught.value)) < 300

    @hypothesis.given(
        strategies.sampled_from(PATHS),
        strategies.one_of(
            strategies.integers(),
            strategies.floats(),
            strategies.text(max_size=8),
            strategies.lists(strategies.integers(), max_size=3),
        ),
    )
    def test_what_is_accepted_survives_json(self, place, value):
        kind, path, _ = place
        config = replaced(CONFIGS[kind], path, value)
        try:
            config_values.check(config)
        except ValueError as error:
            assert f"`{'.'.join(path)}` must be" in str(error)
        else:
            again = json.loads(json.dumps(config, allow_nan=False))
            config_values.check(again)


# What is only slow, or a rate that is only bad.
_UNBOUNDED = {
    "cache_gib",
    "memory_gib",
    "minutes",
    "alpha",
    "beta",
    "clip",
    "deviation",
    "epsilon",
    "gamma",
    "inner_rate",
    "l2",
    "learning_rate",
    "learning_rate_factor",
    "max_alpha",
    "phi_l2",
    "phi_learning_rate",
    "phi_stddev",
}


class RunFolderTest:
    def test_refuses_it_before_anything_is_made(self, tmp_path):
        with pytest.raises(ValueError, match="`steps` must be an integer"):
            run_folder.RunFolder(tmp_path / "run", {"steps": -1})
        assert not (tmp_path / "run").exists()


class FromJsonTest:
    @pytest.mark.parametrize(
        "text", ["", "[]", "1", "null", "{", '{"a.b": 1}', "[" * 9999, "\ud800"]
    )
    def test_other_texts_raise(self, text):
        with pytest.raises(ValueError, match="must be a JSON object"):
            fingerprints.from_json(text)
