"""Data of few-shot learning: classes in three parts, and episodes of them.

Meta Dropout (ICLR 2020), section 4: Omniglot and miniImageNet, in tasks of few
images per class.

    data = load_class_images(
        "few_shot:omniglot", image_size=28, channels=1, manual_dir="downloads"
    )
    episodes = episode_batches(data.train, ways=20, shots=1, queries=15, ...)
    for meta_batch in episodes: ...
"""

from pipeline.datasets.few_shot.class_images import ClassImages
from pipeline.datasets.few_shot.episodes import episode_batches
from pipeline.datasets.few_shot.few_shot_data import FewShotData
from pipeline.datasets.few_shot.loading import load_class_images

__all__ = [
    "ClassImages",
    "FewShotData",
    "episode_batches",
    "load_class_images",
]
