"""The phases of a target training: for a pretrained network, there are two.

    head   steps [0, n): what is new in the network, at `learning_rate`
    all    steps [n, steps): all but batch norms, at `pretrained.rate`
    n      = `pretrained.head_share` of all steps

What is new are the last layer and those of a rival. Batch norms keep the
statistics of what the network was trained on, and are in test form throughout.
Of another network all is trained from the first step on. The trap: Adam
corrects its moments by the steps of an optimizer, and weights that join it late
would take steps that are too large; so each phase has an optimizer of its own.
Every checkpoint holds both.
"""

import dataclasses

import keras

import mp_keras
from mp_keras.baselines import placed_layers
from mp_keras.graphs import layer_search
from mp_keras.networks import applications
from pipeline.runs import learning_rates
from pipeline.trainings import config_names


@dataclasses.dataclass(frozen=True, eq=False)
class Phase:
    """One phase, which trains some of a network's layers.

    Attributes:
        name: Str, "head" or "all"; "" of a training that has one phase.
        first_step, last_step: Ints, its steps are those from the first on and
            below the last.
        layers: List of the layers that it trains.
        frozen: List of those that another phase trains, or none.
        rate: Float or schedule, the learning rate of `optimizer`.
        rate_key: Str, the config's key of it.
        optimizer: `AdamL2`, built for these layers.
    """

    name: str
    first_step: int
    last_step: int
    layers: list
    frozen: list
    rate: object
    rate_key: str
    optimizer: keras.optimizers.Optimizer

    def begin(self, trained):
        """Compiles what is trained for this phase."""
        _set_trainable(self.layers, self.frozen)
        trained.compile(
            self.optimizer,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )


def make(config, method):
    """Returns the phases of a target training, the first one first.

    Args:
        config: Config of `configs/target/`.
        method: `Method`; it is left as the last phase trains it, not compiled.
    """
    learners = layer_search.find_layers(
        method.network, lambda layer: not layer._layers and layer.trainable
    )
    if not config_names.is_pretrained(config):
        spans = [("", 0, config.steps, learners, "learning_rate")]
    else:
        count = head_steps(config)
        new = [layer for layer in learners if _is_new(layer)]
        old = [layer for layer in learners if not _is_norm(layer)]
        spans = [
            ("head", 0, count, new, "learning_rate"),
            ("all", count, config.steps, old, "pretrained.rate"),
        ]
    return [
        _phase(config, method, learners, *span)
        for span in spans
        if span[1] < span[2]
    ]


def head_steps(config):
    """Returns the steps in which the last layer is trained alone; 0 for none.

    Args:
        config: Config of `configs/target/`.
    """
    if not config_names.is_pretrained(config):
        return 0
    return round(config.pretrained.head_share * config.steps)


def state_of(method, phases):
    """Returns what a checkpoint holds, {name: list of variables}."""
    *earlier, last = phases
    return {
        "model": _values(method.trained),
        "optimizer": _values(last.optimizer),
        **{
            f"{each.name}_optimizer": _values(each.optimizer)
            for each in earlier
        },
    }


def _phase(config, method, learners, name, first_step, last_step, layers, key):
    rate = learning_rates.make_learning_rate(config, key, first_step=first_step)
    frozen = [layer for layer in learners if layer not in layers]
    optimizer = mp_keras.AdamL2(rate, config.l2)
    _set_trainable(layers, frozen)
    optimizer.build(method.trained.trainable_variables)
    return Phase(
        name, first_step, last_step, layers, frozen, rate, key, optimizer
    )


def _set_trainable(layers, frozen):
    for layer in layers:
        layer.trainable = True
    for layer in frozen:
        layer.trainable = False


def _is_new(layer):
    return layer.name == applications.CLASSIFIER or isinstance(
        layer, placed_layers.KINDS
    )


def _is_norm(layer):
    return isinstance(layer, keras.layers.BatchNormalization)


def _values(owner):
    return [variable.value for variable in owner.variables]
