"""Reads sources of image files: folders, zip files and tables of them."""

import hashlib

import numpy as np
from absl import logging

from pipeline.datasets import image_data
from pipeline.datasets import image_files
from pipeline.datasets import image_resizing
from pipeline.datasets import stratified
from pipeline.datasets.sources import folder_record
from pipeline.listing import folder_tree
from pipeline.listing import image_table
from pipeline.listing import layouts

_LISTED = 20  # bad files in a message


def load_listed(
    kind,
    path,
    image_size,
    test_fraction,
    seed,
    noted=None,
    for_training=True,
    keep_repeated=False,
    check_count=lambda examples: None,
):
    """Reads labelled image files.

    Args:
        kind: Str, one of `source_names.LISTED`.
        path: Str or path, as for `layouts.list_source`.
        image_size: Int, height and width of the result in pixels.
        test_fraction: Float in (0, 1), the test share of each class where
            the source has no part of its own for tests.
        seed: Int of at least 0 that decides which images these are.
        noted: The `record` of an earlier call, whose images these are to be;
            None (default) for a cut of its own.
        for_training: Bool, default True: every noted file is needed; else
            some of the noted test images are enough.
        keep_repeated: Bool, default False: test images that are among the
            training images, to the byte, are left out.
        check_count: Function of the number of images, called before the first
            is read; default: none.

    Returns:
        `ImageData` with a `record` (folder_record.py), not checked by
        `check_image_data` yet.

    Raises:
        FileNotFoundError, ConnectionError: As `layouts.list_source`.
        ValueError: As that; or if a file cannot be read, or noted files are
            gone or have changed.
    """
    listing = layouts.list_source(kind, path)
    if noted is None:
        names, parts = listing.names, _cut(listing, test_fraction, seed)
    else:
        names, parts = folder_record.noted_cut(noted, listing, for_training)
    places = [place for files, _ in parts.values() for place in files]
    labels = np.concatenate([labels for _, labels in parts.values()])
    check_count(len(places))
    images, digests, sizes = read_images(places, image_size)
    files = [listing.name_of(place) for place in places]
    part_of = np.repeat(
        list(parts), [len(files) for files, _ in parts.values()]
    )
    if noted is None:
        is_later = part_of != "train"
        leaking = folder_record.repeated(
            digests, labels, part_of, listing.place
        )
        leaking &= is_later & (not keep_repeated)
        for part in set(parts) - {"train"}:
            if leaking[part_of == part].all():
                raise ValueError(
                    f"{listing.place} must hold {part} images that are in no "
                    "other part. Received: the same images, to the byte, in "
                    "another, all of them"
                )
    else:
        leaking = np.zeros(len(labels), bool)
        found = dict(zip(files, digests))
        folder_record.check_unchanged(noted, found, listing.place)
    kept = {part: (part_of == part) & ~leaking for part in parts}
    record = noted
    if record is None:
        record = folder_record.make(
            listing, files, digests, labels, kept, leaking
        )
    held = kept.get("validation")
    return image_data.ImageData(
        images[kept["train"]],
        labels[kept["train"]],
        images[kept["test"]],
        labels[kept["test"]],
        class_names=tuple(names),
        record=record,
        validation=None if held is None else (images[held], labels[held]),
        test_names=tuple(np.array(files)[kept["test"]].tolist()),
        train_digests=tuple(np.array(digests)[kept["train"]].tolist()),
        original_size=tuple(
            np.median(np.array(sizes)[~leaking], axis=0).astype(int).tolist()
        ),
    )


def load_whole(kind, path, image_size, names):
    """Reads labelled image files, all of them for tests.

    Args:
        kind, path, image_size: As `load_listed` takes them.
        names: Tuple of str, the classes that there may be, one per label.

    Returns: images, labels, names and SHA-256 of the files. Where the source
        has parts, they are those of the test part, or else of the validation
        part. One image and one class are enough.
    Raises: As `load_listed`; ValueError, if there is another class.
    """
    if kind == "csv":
        table = image_table.ImageTable(path)
        places, classes, _ = zip(*table.test_rows())
        place, name_of = table.path, table.name
    else:
        tree = layouts.open_tree(kind, path)
        own, places, labels = layouts.list_to_test(tree, kind)
        classes = [own[label] for label in labels]
        place, name_of = tree.place(), tree.name
    # Tables, and runs from before, may have names in another Unicode form.
    classes = [folder_tree.composed(name) for name in classes]
    numbers = {
        folder_tree.composed(name): number for number, name in enumerate(names)
    }
    unknown = sorted(set(classes) - set(numbers))
    if unknown:
        raise ValueError(
            f"{place} must have classes of the run alone: {', '.join(names)}. "
            f"Received: {', '.join(unknown)}"
        )
    images, digests, _ = read_images(places, image_size)
    return (
        images,
        np.array([numbers[name] for name in classes], np.int64),
        tuple(map(name_of, places)),
        digests,
    )


def list_folder(path, test_fraction, seed):
    """Lists a folder of images and cuts it, without reading one.

    Args:
        path: Str, path or URI of the folder, as for `layouts.list_source`.
        test_fraction: Float in (0, 1), as for `load_listed`.
        seed: Int of at least 0, as for `load_listed`.

    Returns:
        `(class names, train, test)`; both parts are `(files, labels)`: a list
        of paths or URIs, and int64 `(n,)`. A validation part is left out, with
        a warning.

    Raises: As `layouts.list_source`.
    """
    listing = layouts.list_source("folder", path)
    parts = _cut(listing, test_fraction, seed)
    if "validation" in parts:
        logging.warning(
            "%s: the %d images of its validation part are left out; a part of "
            "the training images is for validation",
            listing.place,
            len(parts["validation"][0]),
        )
    return listing.names, parts["train"], parts["test"]


def _cut(listing, test_fraction, seed):
    """Returns {part: (files, labels)} with a training and a test part."""
    if not listing.is_split:
        files, labels = listing.parts[layouts.WHOLE]
        cut = stratified.stratified_split(labels, test_fraction, seed)
        return {
            part: ([files[index] for index in chosen], labels[chosen])
            for part, chosen in zip(("train", "test"), cut)
        }
    parts = dict(listing.parts)
    if "test" not in parts:
        logging.warning(
            "%s: there is no test part, so its validation part is the test "
            "part; a part of the training images is for validation",
            listing.place,
        )
        parts["test"] = parts.pop("validation")
    return {
        part: parts[part]
        for part in ("train", "test", "validation")
        if part in parts
    }


def read_images(files, image_size, channels=3):
    """Reads image files.

    Args:
        files: List of paths, URIs or `ZippedFile`s.
        image_size: Int, height and width of the result in pixels.
        channels: 3 (default), or 1 for gray images.

    Returns: uint8 `(n, image_size, image_size, channels)`; the SHA-256 of
        each file, a list of str; the height and width of each, a list.
    Raises: ConnectionError, ValueError, as `image_files.decode`; with several
        bad files, one error that lists them.
    """
    images = np.empty((len(files), image_size, image_size, channels), np.uint8)
    digests, sizes, errors = [], [], []
    for row, file in enumerate(files):
        try:
            content = image_files.read(file)
            digests.append(hashlib.sha256(content).hexdigest())
            pixels = image_files.decode_bytes(content, file)[None]
            sizes.append(pixels.shape[1:3])
            images[row] = image_resizing.resize_array(
                pixels, image_size, channels
            )[0]
        except ValueError as error:
            errors.append(error)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        lines = [f"\n  {error}" for error in errors[:_LISTED]]
        more = len(errors) - _LISTED
        rest = f"\n  and {more} more" if more > 0 else ""
        raise ValueError(
            f"{len(errors)} of {len(files)} image files cannot be read:"
            f"{''.join(lines)}{rest}"
        )
    return images, digests, sizes


def read_image(file, image_size, channels=3):
    """Returns one image file as uint8 `(image_size, image_size, channels)`.

    Args, Raises: As `read_images`.
    """
    return read_images([file], image_size, channels)[0][0]
