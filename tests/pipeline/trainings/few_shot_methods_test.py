"""Few-shot methods by their names in a config."""

import numpy as np
import pytest

from configs.few_shot import base
from mp_keras.few_shot import gaussian_noise
from mp_keras.few_shot import perturbation
from mp_keras.few_shot import weight_spec
from pipeline.trainings import few_shot_methods
from tests.pipeline import smoke

# name -> a changed option of the config, and the attribute that must follow.
OPTIONS = {
    "meta_dropout": ("logits", "multiplicative", "logits_noise"),
    "mixup": ("gamma", 0.25, "gamma"),
    "information_bottleneck": ("beta", 0.25, "beta"),
    "information_dropout": ("beta", 0.25, "beta"),
    "adversarial": ("epsilon", 0.25, "epsilon"),
}


def make_config(**changes):
    return smoke.few_shot_config("npz:none", **changes)


class MakePerturbationTest:
    def test_configs_know_the_names(self):
        assert set(base.PERTURBATIONS) == set(few_shot_methods.PERTURBATIONS)
        assert base.ALGORITHMS == few_shot_methods.ALGORITHMS

    @pytest.mark.parametrize("name", OPTIONS)
    def test_takes_the_options_of_its_section(self, name):
        option, value, attribute = OPTIONS[name]
        config = make_config(
            inner_perturbation=name, **{f"{name}__{option}": value}
        )
        made = few_shot_methods.make_perturbation(config)
        assert getattr(made, attribute) == value

    def test_every_name_gives_another_perturbation(self):
        made = [
            few_shot_methods.make_perturbation(
                make_config(inner_perturbation=name)
            )
            for name in few_shot_methods.PERTURBATIONS
        ]
        kinds = [(type(one), getattr(one, "learned", None)) for one in made]
        assert len(set(kinds)) == 9
        assert kinds[0] == (perturbation.Perturbation, None)
        assert (gaussian_noise.GaussianNoise, True) in kinds

    def test_all_options_of_meta_dropout_are_in_the_config(self):
        config = make_config(meta_dropout__transform="exponential")
        config.meta_dropout.stochastic = False
        config.meta_dropout.learned_deviation = True
        made = few_shot_methods.make_perturbation(config)
        assert made.transform == "exponential"
        assert not made.stochastic and made.learned_deviation

    def test_unknown_name_raises(self):
        config = make_config(inner_perturbation="dropout")
        with pytest.raises(ValueError, match="'weight_gaussian'(.|\n)*dropout"):
            few_shot_methods.make_perturbation(config)


class MakeLearnerTest:
    def test_follows_the_config(self):
        config = make_config(
            ways=3, image_size=32, image_channels=3, channels=5, inner_steps=4
        )
        learner = few_shot_methods.make_learner(config)
        assert learner.network.input_shape == (32, 32, 3)
        assert (learner.network.classes, learner.network.channels) == (3, 5)
        assert (learner.inner_steps, learner.inner_rate) == (4, 0.1)
        assert not learner.learn_rates and not learner.first_order

    def test_meta_sgd_has_a_rate_for_each_adapted_number(self):
        config = make_config(algorithm="meta_sgd", inner_perturbation="none")
        specs = few_shot_methods.make_learner(config).specs.values()
        count = {
            group: sum(np.prod(s.shape) for s in specs if s.group == group)
            for group in (weight_spec.ADAPTED, weight_spec.RATE)
        }
        assert count[weight_spec.RATE] == count[weight_spec.ADAPTED] > 0

    def test_seed_decides_the_weights(self):
        weights = [
            few_shot_methods.make_learner(make_config(seed=seed)).get_weights()
            for seed in (0, 1, 0)
        ]
        np.testing.assert_array_equal(weights[0][0], weights[2][0])
        assert np.any(weights[0][0] != weights[1][0])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"algorithm": "sgd"}, r"\('maml', 'meta_sgd'\)(.|\n)*'sgd'"),
            (
                {"algorithm": "meta_sgd", "first_order": True},
                "`first_order` must be False with meta_sgd",
            ),
            (
                {"inner_perturbation": "meta_dropout", "first_order": True},
                "`first_order` must be False where noise",
            ),
            ({"ways": 1}, "`classes`(.|\n)*classes=1"),
            ({"image_size": 8}, "at least 16 pixels"),
        ],
    )
    def test_wrong_config_raises(self, changes, message):
        with pytest.raises(ValueError, match=message):
            few_shot_methods.make_learner(make_config(**changes))

    def test_first_order_maml(self):
        config = make_config(inner_perturbation="none", first_order=True)
        assert few_shot_methods.make_learner(config).first_order


class MakeTrainerTest:
    def test_optimizer_and_clip_follow_the_config(self):
        trainer = few_shot_methods.make_trainer(
            make_config(learning_rate=0.5, clip=2.0, tasks=3)
        )
        assert float(trainer.optimizer.learning_rate) == 0.5
        assert (trainer.optimizer.l2, trainer.clip) == (0.0, 2.0)
        assert (trainer.tasks, trainer.replicas) == (3, 1)

    def test_clip_of_zero_is_none(self):
        assert few_shot_methods.make_trainer(make_config(clip=0.0)).clip is None
