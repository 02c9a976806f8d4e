"""Image data for meta-training and for target training.

MetaPerturb (NeurIPS 2020), section 4 and appendix: Tiny ImageNet cut into
tasks as the source, small image data sets as targets. Importing this package
registers the `glyphs`, `digits`, `colored_digits`, `tiny_imagenet`,
`stanford_cars`, `fgvc_aircraft` and `cub_200_2011` builders with TensorFlow
Datasets, so that `tfds.load("glyphs")` works. `catalogue` names the paper's
data sets, with its sizes and splits.

    data = load_images("tfds:glyphs", image_size=32)
    data = load_images("paper:cars", image_size=84, manual_dir="downloads")
    tasks = split_tasks(data.train_images, data.train_labels, tasks=10)
    for step_batch in task_batches(tasks, batch_size=128, ...): ...
    target = training_batches(data.train_images, data.train_labels, ...)
"""

from pipeline.datasets.augmentation import crop_and_flip
from pipeline.datasets.augmentation import default_padding
from pipeline.datasets.batches import evaluation_batches
from pipeline.datasets.batches import training_batches
from pipeline.datasets.builders.colored_digits import ColoredDigits
from pipeline.datasets.builders.cub_200_2011 import Cub2002011
from pipeline.datasets.builders.digits import Digits
from pipeline.datasets.builders.fgvc_aircraft import FgvcAircraft
from pipeline.datasets.builders.glyphs import Glyphs
from pipeline.datasets.builders.stanford_cars import StanfordCars
from pipeline.datasets.builders.tiny_imagenet import TinyImagenet
from pipeline.datasets.image_data import ImageData
from pipeline.datasets.sources import catalogue
from pipeline.datasets.sources.loading import load_images
from pipeline.datasets.stratified import balanced_subset
from pipeline.datasets.stratified import hold_out
from pipeline.datasets.task_batches import task_batches
from pipeline.datasets.tasks import Task
from pipeline.datasets.tasks import split_tasks

__all__ = [
    "ColoredDigits",
    "Cub2002011",
    "Digits",
    "FgvcAircraft",
    "Glyphs",
    "ImageData",
    "StanfordCars",
    "Task",
    "TinyImagenet",
    "balanced_subset",
    "catalogue",
    "crop_and_flip",
    "default_padding",
    "evaluation_batches",
    "hold_out",
    "load_images",
    "split_tasks",
    "task_batches",
    "training_batches",
]
