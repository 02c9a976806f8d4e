"""The data of a few-shot run: classes in three parts, and episodes of them.

Training episodes follow the run's `seed`. Validation and test episodes follow
`test_seed`, so that all methods and seeds answer the same ones.
"""

import dataclasses

from pipeline.datasets import few_shot


def load_data(config, data_dir=None, read=few_shot.load_class_images):
    """Returns the `FewShotData` of a config.

    Args:
        config: Config of `configs/few_shot/`. With `data.train_on_validation`
            the training part has the validation classes too.
        data_dir: Where TFDS keeps prepared data sets, or None for its default.
        read: Function, as `few_shot.load_class_images` (default).

    Raises: ValueError, FileNotFoundError, ConnectionError, as
        `load_class_images`.
    """
    data = read(
        config.data.source,
        image_size=config.image_size,
        channels=config.image_channels,
        data_dir=data_dir,
        manual_dir=config.data.manual_dir or None,
        seed=config.data.seed,
    )
    if config.data.train_on_validation:
        data = dataclasses.replace(data, train=data.train_and_validation())
    return data


def training_episodes(config, class_images, start_step):
    """Returns a data set of meta-batches, from a step to the last one.

    Args:
        config: Config of `configs/few_shot/`.
        class_images: `ClassImages`.
        start_step: Int.

    Raises: ValueError, if there are too few classes or images of a class.
    """
    return _episodes(
        config,
        class_images,
        classes_per=config.classes_per,
        tasks=config.tasks,
        seed=config.seed,
        start_step=start_step,
        steps=config.steps,
        part="training",
    )


def fixed_episodes(config, class_images, count, part="test"):
    """Returns a data set of episodes, each a meta-batch of one task.

    The first `count` of a sequence that `config.test_seed` decides.

    Args:
        config: Config of `configs/few_shot/`.
        class_images: `ClassImages`.
        count: Int >= 0.
        part: Str, what the classes are, for errors.

    Raises: ValueError, if there are too few classes or images of a class.
    """
    return _episodes(
        config,
        class_images,
        tasks=1,
        seed=config.test_seed,
        start_step=0,
        steps=count,
        part=part,
    )


def _episodes(config, class_images, part, **arguments):
    try:
        return few_shot.episode_batches(
            class_images,
            ways=config.ways,
            shots=config.shots,
            queries=config.queries,
            queries_per=config.queries_per,
            **arguments,
        )
    except ValueError as error:
        raise ValueError(
            f"The {part} classes of {config.data.source}: {error}"
        ) from error
