"""φ by first-order gradients (Algorithm 1), every task a run of a batch.

    every step, for every task t at once:
        θ_t by one step on a training batch
        g_t = gradient w.r.t. φ of the held-out loss at the new θ_t
    φ by one step of Adam, without L2, on the mean of the g_t

Tasks have different ages: task t starts anew every `period` steps, at a step of
its own, with new weights, moments and statistics, so that φ always sees
networks that overfit beside such that have just begun.
"""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np

from pipeline.many_runs import networks
from pipeline.many_runs import perturbation
from pipeline.many_runs import small_tasks
from pipeline.many_runs import study
from pipeline.many_runs import training


def learn_phi(config, workdir):
    """Learns φ and writes `phi.npz` and `curves.npz`.

    Args:
        config: Config of `configs/studies/gradients.py`.
        workdir: Path of a folder.

    Returns: dict of the last values of the curves.
    """
    workdir = pathlib.Path(workdir).expanduser()
    images, tasks = small_tasks.make_tasks(
        config.data.files, config.image_size, config.tasks, config.seed
    )
    start = perturbation.fresh(config.seed, config.spread)
    noise = perturbation.Noise(
        start, *map(np.float32, (1.0, config.ramp, 0.0, 0.0, 0.0))
    )
    runs = training.stack(
        [
            training.make_run(
                config.seed + index,
                noise,
                config.alpha,
                config,
                task["train"],
                task["labels"],
            )
            for index, task in enumerate(tasks)
        ]
    )
    others = [task["held_out"] for task in tasks]
    held = [task["labels"][other] for task, other in zip(tasks, others)]
    phi, curves = learn(
        networks.LAYOUTS[config.network],
        runs,
        (np.stack(others), np.stack(held)),
        images,
        start,
        classes=10,
        steps=config.steps,
        batch_size=config.batch_size,
        rate=config.rate,
        period=config.period,
        flip=config.data.flip,
    )
    workdir.mkdir(parents=True, exist_ok=True)
    study.save(workdir / "phi.npz", phi)
    study.save(workdir / "curves.npz", curves)
    return {name: float(values[-1]) for name, values in curves.items()}


def learn(
    layout,
    tasks,
    held_out,
    images,
    phi,
    *,
    classes,
    steps,
    batch_size,
    rate,
    period,
    flip=True,
    window=100,
):
    """Returns the learned φ and its curves.

    Args:
        layout: `networks.Layout`.
        tasks: Stacked `training.Run`s, one per task; the noise's φ is ignored.
        held_out: Pair of int arrays `(tasks, examples)`: images and labels.
        images: uint8 array on the device.
        phi: Dict, φ at its start.
        classes, steps, batch_size: Ints.
        rate: Float, φ's learning rate; it falls to 0 as a cosine.
        period: Int, steps of a task's life.
        flip: Bool: mirror half of the images.
        window: Int, steps of one call of the device.

    Returns: dict of φ, and a dict of curves: `loss`, `held_out`.
    """
    count = len(tasks.seed)
    mixes = bool(np.any(tasks.alpha > 0))
    decided = training.schedules(
        tasks, steps, batch_size, len(layout.positions)
    )
    random = np.random.default_rng([int(tasks.seed[0]), 2])
    shape = (steps, count, batch_size)
    others = random.integers(0, held_out[0].shape[1], shape, dtype="int32")
    ages = (np.arange(count) * period // count).astype("int32")
    start = functools.partial(
        training.start, layout, classes=classes, image_size=images.shape[1]
    )
    thetas = jax.jit(jax.vmap(start))(jnp.asarray(tasks.seed))
    zeros = jax.tree.map(jnp.zeros_like, phi)
    carry = thetas, phi, (zeros, zeros)
    options = {
        "layout": layout,
        "start": start,
        "period": period,
        "steps": steps,
        "rate": rate,
        "mixes": mixes,
        "flip": flip,
    }
    advance = jax.jit(functools.partial(_advance, **options))
    losses = []
    for first in range(0, steps, window):
        some = slice(first, min(first + window, steps))
        numbers = np.arange(some.start, some.stop, dtype="int32")
        xs = (numbers, *(each[some] for each in decided), others[some])
        carry, found = advance(carry, xs, tasks, held_out, images, ages)
        losses.append([float(each.mean()) for each in found])
    curves = dict(zip(("loss", "held_out"), np.transpose(losses)))
    return jax.tree.map(np.asarray, carry[1]), curves


def _advance(
    carry,
    xs,
    tasks,
    held_out,
    images,
    ages,
    *,
    layout,
    start,
    period,
    steps,
    rate,
    mixes,
    flip,
):
    def one(theta, phi, step, batch, layer, mixing, other, run, held, age):
        life = (step + age) % period
        born = start(run.seed + 7919 * ((step + age) // period))
        theta = jax.tree.map(
            lambda new, old: jnp.where(life == 0, new, old), born, theta
        )
        run = run._replace(noise=run.noise._replace(phi=phi))
        theta, loss = training.train_step(
            layout,
            images,
            period,
            flip,
            mixes,
            theta,
            (life, batch, layer, mixing),
            run,
            salt=step,
        )
        weights, _, state = theta
        key = jax.random.fold_in(jax.random.key(run.seed + 1), step)
        crop_key, noise_key = jax.random.split(key)
        inputs = training.crop_and_flip(images[held[0][other]], crop_key, flip)

        def held_out_loss(phi):
            logits, _ = networks.apply(
                layout,
                weights,
                state,
                inputs,
                training=True,
                norm_training=False,
                noise=run.noise._replace(phi=phi),
                coefficient=perturbation.coefficient_at(
                    run.noise, life, period
                ),
                key=noise_key,
            )
            return training.cross_entropy(logits, held[1][other])

        held_loss, gradient = jax.value_and_grad(held_out_loss)(phi)
        return theta, gradient, loss, held_loss

    def step(carry, x):
        thetas, phi, moments = carry
        number, batch, layer, mixing, other = x
        thetas, gradients, loss, held_loss = jax.vmap(
            one, in_axes=(0, None, None, 0, 0, 0, 0, 0, 0, 0)
        )(
            thetas,
            phi,
            number,
            batch,
            layer,
            mixing,
            other,
            tasks,
            held_out,
            ages,
        )
        gradient = jax.tree.map(lambda each: each.mean(0), gradients)
        now = rate * 0.5 * (1 + jnp.cos(jnp.pi * number / steps))
        phi, moments = training.adam_l2(
            phi, gradient, moments, number, now, 0.0
        )
        return (thetas, phi, moments), (loss.mean(), held_loss.mean())

    return jax.lax.scan(step, carry, xs)
