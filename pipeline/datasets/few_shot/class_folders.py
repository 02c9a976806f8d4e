"""Few-shot data from a user's own folder of image files."""

from pipeline.datasets.few_shot import class_cuts
from pipeline.datasets.few_shot import class_images
from pipeline.datasets.few_shot import few_shot_data
from pipeline.datasets.sources import folder_source
from pipeline.datasets.sources import folder_tree

_VALIDATION = ("val", "validation")


def load_class_folders(path, image_size, channels, seed):
    """Reads a tree of image files.

    Either `PATH/train/<class>/`, `PATH/val/<class>/` (or `validation`) and
    `PATH/test/<class>/`, each with classes of its own, or `PATH/<class>/`,
    whose classes are cut 60 : 20 : 20 at random. Images may lie in folders
    below that of their class. Names that start with a dot and files that are
    no images are ignored.

    Args:
        path: Str, path or URI of the folder.
        image_size: Int, height and width of the result in pixels.
        channels: 3, or 1 for gray images.
        seed: Int of at least 0, for that cut.

    Returns:
        `FewShotData`; classes and files are sorted by name.

    Raises:
        ConnectionError: If the store of a URI cannot be reached.
        FileNotFoundError: If there is no such folder.
        ValueError: If a part is missing, there are too few classes, a class
            has no image, or a file cannot be read.
    """
    tree = folder_tree.FolderTree(path)
    if not tree.folders("train"):  # or "train" is a class
        whole = _read(tree, (), image_size, channels)
        return class_cuts.cut_classes(whole, seed)
    folders = tree.folders()
    validation = [name for name in _VALIDATION if name in folders]
    if len(validation) != 1 or "test" not in folders:
        raise ValueError(
            f"{tree.place()} must hold train, val (or validation) and test, "
            f"each with a folder per class. Received: {', '.join(folders)}"
        )
    return few_shot_data.FewShotData(
        *(
            _read(tree, (part,), image_size, channels)
            for part in ("train", *validation, "test")
        )
    )


def _read(tree, parts, image_size, channels):
    names, files, labels = folder_source.list_classes(tree, *parts)
    images = folder_source.read_images(files, image_size, channels)
    return class_images.ClassImages(images, labels, names)
