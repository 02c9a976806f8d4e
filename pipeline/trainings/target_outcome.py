"""What a trained network is worth: calibrated, judged, and in one pass.

    temperature    the config's, or else fitted on the validation images, if
                   there are any
    metrics        with it, and `before_temperature`, on test and validation
    predictions    logarithms of the probabilities, image by image, so that
                   another metric needs no run again

once for the Monte Carlo form and once for the deterministic one, each with a
temperature of its own.
"""

import dataclasses

import keras
import numpy as np
from keras import ops

import mp_keras
from mp_keras import files
from mp_keras.evaluation import monte_carlo
from mp_keras.evaluation import temperature as temperatures
from pipeline.report import judged_images

_BATCH = 256
_LEARNED_FROM = 2000  # training images, at most
_CALIBRATED_ON = 20_000  # validation images, at most
_CHUNK_BYTES = 2**30  # of float32 images that are predicted at once
_LEAST = 1e-30  # a probability of 0 has no logarithm
_NORMAL_QUANTILE = 1.96  # of a 95 % interval
BEFORE = "before_temperature"


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """One form of a network, judged.

    Attributes:
        network: `keras.Model`; ends in a temperature if there is one.
        metrics: Dict as `result.json` holds it: those of the test part,
            `temperature` and `before_temperature`, both None without one, and
            `validation`, if there is such a part.
        probabilities: Dict from part, or part and "_before_temperature", to
            an array `(examples, classes)`.
    """

    network: keras.Model
    metrics: dict
    probabilities: dict


def judge(network, test, validation, samples, temperature=0.0):
    """Returns the `Judged` form of a network.

    Args:
        network: Functional `keras.Model` from normalized images to logits.
        test: Pair of uint8 images and labels; an array, or `MappedImages`.
        validation: Pair of the same, or None. Of more than 20,000 images the
            temperature is fitted on some, evenly spaced.
        samples: Int >= 1, noise samples.
        temperature: Float, that of the network; 0 (default): fitted on
            `validation`, if there is one.
    """
    parts, tried = {"test": test}, [1.0]
    if validation:
        parts["validation"] = validation
    if temperature:
        network = temperatures.with_temperature(network, temperature)
        tried.append(temperature)
    elif validation:
        step = -(-len(validation[1]) // _CALIBRATED_ON)  # rounded up
        network = mp_keras.fit_temperature(
            network,
            normalized(validation[0][::step]),
            validation[1][::step],
            samples,
            _BATCH,
        )
        tried.append(temperatures.temperature_of(network))
    plain = temperatures.without_temperature(network)
    metrics, probabilities = {}, {}
    predict = _predictor(plain, samples, tried)
    for part, (images, labels) in parts.items():
        before, *after = predict(images)
        final = after[0] if after else before
        metrics[part] = judged_images.metrics_of(final, labels)
        metrics[part][BEFORE] = None
        probabilities[part] = final
        if after:
            metrics[part][BEFORE] = judged_images.metrics_of(before, labels)
            probabilities[f"{part}_{BEFORE}"] = before
    found = {**metrics.pop("test"), **metrics}
    found["temperature"] = tried[1] if len(tried) > 1 else None
    return Judged(network, found, probabilities)


def judge_deterministic(
    network, sampled, train_images, test, validation, options, temperature=0.0
):
    """Returns the `Judged` form of a network that draws no noise in test.

    Its metrics also hold `against_samples`, see `compare`, each form with its
    own temperature, and `before_temperature`, without. A network without
    noise in test is its own deterministic form.

    Args:
        network: As `judge` got it.
        sampled: What `judge` returned for it.
        train_images: uint8 images that the one pass learns from, some or all.
        test, validation, temperature: As `judge` got them.
        options: Section `deterministic` of a config of `configs/target/`.
    """
    if monte_carlo.noisy_layers(network):
        step = -(-len(train_images) // _LEARNED_FROM)  # rounded up
        single = mp_keras.deterministic(
            network,
            normalized(train_images[::step]),
            options.samples,
            options.mixtures,
        )
        judged = judge(single, test, validation, 1, temperature)
    else:
        judged = dataclasses.replace(sampled, metrics={**sampled.metrics})
    compared = {
        name: compare(each, sampled.probabilities[name], test[1])
        for name, each in judged.probabilities.items()
        if name.startswith("test")
    }
    judged.metrics["against_samples"] = {
        **compared["test"],
        BEFORE: compared.get(f"test_{BEFORE}"),
    }
    return judged


def compare(single, sampled, labels):
    """Returns what one deterministic pass loses against many noisy ones.

    Args:
        single: Array `(examples, classes)`, probabilities of one pass.
        sampled: Array of the same shape, the mean over samples.
        labels: Integer array `(examples,)`.

    Returns: dict with `accuracy_gain`, in points, `mean` and `half_width` of
        the 95 % interval over these images, pairs of which are compared; and
        `kl_divergence`, of the mean over samples to the one pass, in nats.
    """
    hits = [np.argmax(each, 1) == labels for each in (single, sampled)]
    gains = 100.0 * (hits[0].astype(int) - hits[1].astype(int))
    width = _NORMAL_QUANTILE * np.std(gains) / np.sqrt(len(gains))
    ratio = np.log(np.maximum(sampled, _LEAST) / np.maximum(single, _LEAST))
    return {
        "accuracy_gain": {
            "mean": float(np.mean(gains)),
            "half_width": float(width),
        },
        "kl_divergence": float(np.mean(np.sum(sampled * ratio, axis=1))),
    }


def save_predictions(path, labels, **judged):
    """Writes logarithms of probabilities, float16, and labels as one npz file.

    Args:
        path: Path of the file.
        labels: Dict from part of the data to its labels.
        **judged: `Judged` by the prefix of its arrays: `deterministic_test`.
    """
    arrays = {f"{part}_labels": values for part, values in labels.items()}
    for prefix, each in judged.items():
        for name, probabilities in each.probabilities.items():
            logs = logarithms(probabilities)
            arrays[f"{prefix}_{name}"] = logs.astype("float16")
    with files.new_file(path) as partial, open(partial, "wb") as file:
        np.savez_compressed(file, **arrays)


def logarithms(probabilities):
    """Returns them as finite numbers, also of a probability of 0."""
    return np.log(np.maximum(probabilities, _LEAST))


def normalized(images):
    """Returns uint8 images as the networks take them, an array."""
    return np.asarray(mp_keras.normalize(images))


def _predictor(network, samples, tried):
    """Returns the function of uint8 images to their mean probabilities.

    A list of arrays, one for each temperature, from the same passes: the
    softmaxes stand side by side.
    """
    logits = ops.cast(network.outputs[0], "float32")
    softmaxes = [ops.softmax(logits / each) for each in tried]
    joined = keras.Model(network.inputs, ops.concatenate(softmaxes, axis=-1))
    averaged = monte_carlo.MonteCarloClassifier(
        joined, samples, from_logits=False
    )

    def predict(images):
        image_bytes = 4 * np.prod(images.shape[1:])
        chunk = int(max(1, _CHUNK_BYTES // (_BATCH * image_bytes)) * _BATCH)
        found = [
            monte_carlo.predict_averaged(
                averaged,
                normalized(images[start : start + chunk]),
                _BATCH,
                seed=start,  # a batch's noise is that of its place in all
            )
            for start in range(0, len(images), chunk)
        ]
        return np.split(np.concatenate(found), len(tried), axis=1)

    return predict
