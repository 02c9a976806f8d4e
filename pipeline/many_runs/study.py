"""A study: the rows of a table, each trained with several seeds at once.

    for every seed: training, validation and test images, the same for all rows
    rows without φ, rows with φ: one batch of trainings each (training.py)
    predictions by Monte Carlo and by one pass, each with its temperature

What is left is each run's log-probabilities, so that no metric needs a
training again.
"""

import json
import pathlib

import jax
import numpy as np

from pipeline.many_runs import networks
from pipeline.many_runs import perturbation
from pipeline.many_runs import prediction
from pipeline.many_runs import training

_ROOT = pathlib.Path(__file__).parents[2]
_SHIPPED = _ROOT / "mp_keras" / "perturbation" / "pretrained"
_OPTIONS = {  # of φ, those of perturbation.py
    "use_scale": True,
    "use_noise": True,
    "all_branch": "mean",
    "preserve_mean": False,
    "input_dependent": True,
}


def run_study(config, workdir):
    """Trains all rows of a study; finished groups of rows are kept.

    Args:
        config: Config of `configs/studies/`.
        workdir: Path of a folder. Of each group of rows it gets `GROUP.npz`
            (labels, log-probabilities, temperatures, times) and
            `GROUP_weights.npz` (weights of the first seed).

    Returns: list of the npz files.
    Raises: ValueError, FileNotFoundError, if the config or the data is wrong.
    """
    pool, labels, trainable = read_images(config.data.files, config.image_size)
    cuts = [cut(labels, trainable, config.data, seed) for seed in config.seeds]
    workdir = pathlib.Path(workdir).expanduser()
    workdir.mkdir(parents=True, exist_ok=True)
    images = jax.device_put(pool)
    done = []
    for group, rows in groups(config.rows).items():
        path = workdir / f"{group}.npz"
        if not path.exists():
            _run_group(config, rows, images, labels, cuts, path)
        done.append(path)
    return done


def read_images(files, size):
    """Returns images, labels and which may be trained on, of npz files.

    Args:
        files: Paths of npz files with `{train,test}_{images,labels}`; classes
            of a later file follow those of the one before.
        size: Int, height and width in pixels.
    """
    images, labels, trainable, classes = [], [], [], 0
    for file in files:
        path = pathlib.Path(file).expanduser()
        if not path.is_file():
            raise FileNotFoundError(
                "Config key `data.files` must name npz files. "
                f"Received: {path}, which does not exist"
            )
        with np.load(path, allow_pickle=False) as arrays:
            for part in ("train", "test"):
                images.append(_resized(arrays[f"{part}_images"], size))
                labels.append(arrays[f"{part}_labels"] + classes)
                trainable.append(np.full(len(labels[-1]), part == "train"))
            classes = int(labels[-1].max()) + 1
    return (
        np.concatenate(images),
        np.concatenate(labels).astype("int32"),
        np.concatenate(trainable),
    )


def cut(labels, trainable, data, seed):
    """Returns the training, validation and test images of a seed, as indices.

    Args:
        labels: Int array `(images,)`.
        trainable: Bool array `(images,)`.
        data: Config section: `examples_per_class`, of which a part
            `validation_fraction` is never trained on; `pooled`: every seed
            draws from all images and tests on all others.
        seed: Int.
    """
    random = np.random.default_rng([seed, 0])
    train, validation, test = [], [], []
    for label in np.unique(labels):
        members = labels == label
        candidates = np.flatnonzero(members & (trainable | data.pooled))
        order = random.permutation(candidates)
        count = data.examples_per_class or len(order)
        if count > len(order):
            raise ValueError(
                f"Config key `data.examples_per_class` must be at most "
                f"{len(order)}, the images of class {label}. "
                f"Received: data.examples_per_class={count}"
            )
        held = round(count * data.validation_fraction)
        validation.append(order[:held])
        train.append(order[held:count])
        rest = order[count:] if data.pooled else members & ~trainable
        test.append(rest if data.pooled else np.flatnonzero(rest))
    return tuple(np.concatenate(each) for each in (train, validation, test))


def groups(rows):
    """Returns {"plain" or "noisy": rows}: what is trained in one batch."""
    found = {}
    for row in rows:
        group = "noisy" if row["perturbation"] else "plain"
        found.setdefault(group, []).append(row)
    return found


def make_run(row, seed, images, labels):
    """Returns the `training.Run` of a row with a seed."""
    noise = None
    if row["perturbation"]:
        phi, is_per_channel = read_phi(row["perturbation"], seed)
        noise = perturbation.Noise(
            phi,
            *(
                np.float32(row[name])
                for name in perturbation.Noise._fields
                if name != "phi"
            ),
        )
        if is_per_channel:
            noise = noise._replace(per_channel=np.float32(1.0))
    return training.make_run(seed, noise, row["alpha"], row, images, labels)


def read_phi(name, seed):
    """Returns φ's 82 numbers, and whether it draws one noise per channel.

    Args:
        name: Str: "fresh", a φ that ships, or an npz file.
        seed: Int, of a fresh one.

    Raises: FileNotFoundError, if there is no such φ; ValueError, if it has an
        option that is not known here.
    """
    if name == "fresh":
        return perturbation.fresh(seed), False
    path, file = _SHIPPED / f"{name}.json", pathlib.Path(name).expanduser()
    if path.exists():
        stored = json.loads(path.read_text())
        values, options = stored["weights"], stored["variant"]
    elif file.is_file():
        values = dict(np.load(file))
        options = json.loads(str(values.get("variant", "{}")))
    else:
        raise FileNotFoundError(
            'A row\'s `perturbation` must be "", "fresh", a φ that ships or an '
            f"npz file. Received: perturbation={name!r}"
        )
    noise_per = options.pop("noise_per", "element")
    if unknown := {k: v for k, v in options.items() if v != _OPTIONS.get(k)}:
        raise ValueError(
            f"A φ that is studied must have the options {_OPTIONS}, and any "
            f"`noise_per`. Received: {name} with {unknown}"
        )
    numbers = {
        each: np.asarray(values[each], "float32")
        for each in perturbation.SHAPES
    }
    return numbers, noise_per == "channel"


def _run_group(config, rows, images, labels, cuts, path):
    runs = training.stack(
        [
            make_run(row, seed, parts[0], labels)
            for row in rows
            for seed, parts in zip(config.seeds, cuts)
        ]
    )
    layout = networks.LAYOUTS[config.network]
    trained = training.train(
        layout,
        runs,
        images,
        classes=int(labels.max()) + 1,
        steps=config.steps,
        batch_size=config.batch_size,
        flip=config.data.flip,
    )
    validation = np.stack([parts[1] for parts in cuts] * len(rows))
    test = np.stack([parts[2] for parts in cuts] * len(rows))
    arrays = {
        "rows": np.repeat([row["name"] for row in rows], len(cuts)),
        "seeds": np.tile(config.seeds, len(rows)),
        "validation_labels": labels[validation],
        "test_labels": labels[test],
        "losses": trained.losses,
    }
    forms = {"monte_carlo": (trained, config.samples)}
    if runs.noise is not None:
        again = prediction.recalibrated(
            layout, trained, runs, images, flip=config.data.flip
        )
        forms["single_pass"] = (again, 0)
    for form, (model, samples) in forms.items():
        predicted = prediction.predict(
            layout,
            model,
            runs,
            images,
            (validation, labels[validation]),
            test,
            samples=samples,
        )
        for name, value in predicted._asdict().items():
            arrays[f"{form}_{name}"] = value
    leaves = jax.tree.leaves((trained.weights, trained.state))
    first = np.arange(len(rows)) * len(cuts)
    save(
        path.with_name(f"{path.stem}_weights.npz"),
        {str(i): np.asarray(leaf[first]) for i, leaf in enumerate(leaves)},
    )
    save(path, arrays)


def save(path, arrays):
    """Writes an npz file, whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez_compressed(part, **arrays)
    part.replace(path)


def _resized(images, size):
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, -1)
    if images.shape[1] == size:
        return images
    from PIL import Image  # where sizes differ only

    return np.stack(
        [
            np.asarray(
                Image.fromarray(each).resize(
                    (size, size), Image.Resampling.BILINEAR
                )
            )
            for each in images
        ]
    )


def summary(path):
    """Returns a text: means over seeds of each row of a group's npz file."""
    lines = [
        f"{'':32}{'accuracy %':>12}{'NLL':>8}{'after T':>8}{'one pass':>9}"
    ]
    with np.load(path) as arrays:
        rows, labels = arrays["rows"], arrays["test_labels"]
        test = arrays["monte_carlo_test"].astype("float32")
        single = arrays.get("single_pass_test", test).astype("float32")
    for row in dict.fromkeys(rows.tolist()):
        some = rows == row
        truth = labels[some][:, :, None]
        losses = [
            -np.take_along_axis(test[some, each], truth, 2).mean()
            for each in (0, 1)
        ]
        hits = [
            100 * (each[some, 1].argmax(2) == labels[some]).mean()
            for each in (test, single)
        ]
        lines.append(
            f"{row:32}{hits[0]:12.1f}{losses[0]:8.3f}{losses[1]:8.3f}"
            f"{hits[1]:9.1f}"
        )
    return "\n".join(lines)
