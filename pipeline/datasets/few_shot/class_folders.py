"""Few-shot data from a user's own folder of image files."""

from pipeline.datasets.few_shot import class_cuts
from pipeline.datasets.few_shot import class_images
from pipeline.datasets.few_shot import few_shot_data
from pipeline.datasets.sources import folder_source
from pipeline.listing import layouts


def load_class_folders(kind, path, image_size, channels, seed):
    """Reads a tree of image files.

    Either `PATH/train/<class>/`, `PATH/val/<class>/` (or `valid`) and
    `PATH/test/<class>/`, each with classes of its own, or `PATH/<class>/`,
    whose classes are cut 60 : 20 : 20 at random. Images may lie in folders
    below that of their class. Names that start with a dot and files that are
    no images are ignored.

    Args:
        kind: Str, "folder" or "zip".
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
    tree = layouts.open_tree(kind, path)
    folders = layouts.part_folders(tree)
    if not folders:  # or "train" is a class
        whole = _read(tree, (), image_size, channels, kind)
        return class_cuts.cut_classes(whole, seed)
    parts = ("train", "validation", "test")
    if set(parts) != set(folders):
        raise ValueError(
            f"{tree.place()} must hold train, val (or valid) and test, each "
            "with a folder per class. "
            f"Received: {', '.join(tree.folders())}"
        )
    return few_shot_data.FewShotData(
        *(_read(tree, (folders[part],), image_size, channels) for part in parts)
    )


def _read(tree, parts, image_size, channels, kind="folder"):
    names, files, labels = layouts.list_classes(tree, *parts, kind=kind)
    images, *_ = folder_source.read_images(files, image_size, channels)
    return class_images.ClassImages(images, labels, names)
