"""The training methods that a target config can name.

MetaPerturb, section 4.1, "Baselines", two references of today, and three
controls that tell what φ has learned from what any noise does. A method puts
layers into the network, or wraps the network while it trains, or neither, or
both: "meta_perturb+manifold_mixup". What predicts, is evaluated and saved is
always the network. `fine_tuning` combines with each: the network then starts
from the weights of a source.
"""

import collections
import pathlib

import keras

import mp_keras
from mp_keras import baselines
from mp_keras import error_texts
from mp_keras import given_files
from mp_keras.baselines import drop_block
from mp_keras.baselines import fine_tuning
from mp_keras.baselines import information_dropout
from mp_keras.baselines import monte_carlo_dropout
from pipeline.trainings import config_names
from pipeline.trainings import networks

# network: what predicts; trained: what `fit` is called on, the network itself
# or its wrapper; ramp: part of all steps over which noise is faded in, or None;
# maximum: the largest noise coefficient.
Method = collections.namedtuple(
    "Method", ["network", "trained", "ramp", "maximum"]
)

_INPUT_UNITS = 2.0  # normalized images span [-1, 1], pixels [0, 1]


def _phi(config):
    return mp_keras.load_perturbation(config.phi)


def _fresh_phi(config):
    """φ before it has learned: with `c_max` chosen, noise that is tuned."""
    return mp_keras.PerturbationFunction(seed=config.seed)


def _channel_noise(config):
    """Noise alone, one draw for all pixels of an example's channel."""
    return mp_keras.PerturbationFunction(
        seed=config.seed, noise_per="channel", input_dependent=False
    )


def _mean_preserving_noise(config):
    """Noise without the loss of signal that φ's scale and mean bring."""
    return mp_keras.PerturbationFunction(
        seed=config.seed, use_scale=False, preserve_mean=True
    )


def _information_dropout(config):
    options = config.information_dropout
    return information_dropout.layer_factory(
        options.beta,
        options.max_alpha,
        config.seed,
        options.noisy_in_test,
    )


def _drop_block(config):
    options = config.drop_block
    return drop_block.layer_factory(
        options.rate, options.block_size, config.seed
    )


def _monte_carlo_dropout(config):
    return monte_carlo_dropout.layer_factory(
        config.monte_carlo_dropout.rate, config.seed
    )


def _manifold_mixup(config, network):
    return baselines.ManifoldMixup(
        network, config.manifold_mixup.alpha, seed=config.seed
    )


def _mixup(config, network):
    return baselines.Mixup(network, config.mixup.alpha, seed=config.seed)


def _adversarial_training(config, network):
    options = config.adversarial_training
    return baselines.AdversarialTraining(
        network,
        _INPUT_UNITS * options.epsilon,
        options.norm,
        options.steps,
        seed=config.seed,
    )


_LAYERS = {  # what goes to the positions of the network
    "meta_perturb": _phi,
    "fresh_phi": _fresh_phi,
    "channel_noise": _channel_noise,
    "mean_preserving_noise": _mean_preserving_noise,
    "information_dropout": _information_dropout,
    "drop_block": _drop_block,
    "monte_carlo_dropout": _monte_carlo_dropout,
}
_WRAPPERS = {  # what trains the network
    "manifold_mixup": _manifold_mixup,
    "mixup": _mixup,
    "adversarial_training": _adversarial_training,
}
_RAMPS = {  # over which part of all steps the layers' noise is faded in
    "meta_perturb": lambda config: config.noise_ramp,
    "fresh_phi": lambda config: config.noise_ramp,
    "channel_noise": lambda config: config.noise_ramp,
    "mean_preserving_noise": lambda config: config.noise_ramp,
    "drop_block": lambda config: config.drop_block.ramp,
}
_MAXIMA = {"channel_noise": lambda config: config.channel_noise.c_max}


def make_method(config, classes):
    """Returns the `Method` of a target config, its networks not compiled.

    Args:
        config: Config of `configs/target/`.
        classes: Int, number of logits.

    Raises: ValueError, if the config names no method, network or location of
        ours, or the source of fine-tuning has another architecture;
        FileNotFoundError, if there is no such source; as
        `networks.make_target_network`.
    """
    config_names.check_method(config.method)
    names = config_names.parts(config.method)
    make_layers = _of(_LAYERS, names)
    network = networks.make_target_network(
        config, classes, make_layers(config) if make_layers else None
    )
    if config.fine_tuning.source:
        source = _load_source(config.fine_tuning.source)
        fine_tuning.transfer_weights(
            source, network, config.fine_tuning.exclude
        )
    wrap = _of(_WRAPPERS, names)
    ramp = _of(_RAMPS, names)
    maximum = _of(_MAXIMA, names)
    return Method(
        network,
        wrap(config, network) if wrap else network,
        ramp(config) if ramp else None,
        maximum(config) if maximum else config.c_max,
    )


def _of(table, names):
    """Returns the entry of the one name that the table knows, or None."""
    return next((table[name] for name in names if name in table), None)


def load_network(path):
    """Returns the network of a finished run.

    Args:
        path: Path-like of a `train_target` folder, or of the `model.keras` in
            it.

    Raises: FileNotFoundError, ValueError, if there is none or it is damaged.
    """
    path = pathlib.Path(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(
            "A finished run of `tools.train_target` must have a model.keras. "
            f"Received: {file}, which does not exist"
        )
    try:
        given_files.check(file, given_files.DATA_BYTES)
        return keras.models.load_model(file, compile=False)
    # A damaged file raises nearly anything.
    except Exception as error:
        raise ValueError(
            f"File {file} must be a whole model.keras. "
            f"Received: {error_texts.named(error)}"
        ) from error


def _load_source(path):
    try:
        return load_network(path)
    except (FileNotFoundError, ValueError) as error:
        raise type(error)(
            f"Config key `fine_tuning.source`: {error}"
        ) from error
