"""Loads an image data set from wherever it lies.

The paper's source is Tiny ImageNet and its targets are small sets, which the
catalogue names; besides, any data set of TensorFlow Datasets, a folder of image
files or an npz file takes either role.
"""

import dataclasses
import functools
import pathlib
import tempfile

from pipeline.datasets import argument_checks
from pipeline.datasets import image_data
from pipeline.datasets import mapped_images
from pipeline.datasets import stratified
from pipeline.datasets.sources import catalogue_source
from pipeline.datasets.sources import folder_source
from pipeline.datasets.sources import memory_need
from pipeline.datasets.sources import npz_source
from pipeline.datasets.sources import shard_cache
from pipeline.datasets.sources import tfds_source
from pipeline.datasets.sources import tfrecord_source
from pipeline.listing import source_names
from pipeline.storage import artifact_store

_CACHE = "~/.cache/mp_keras"
_FETCHED = ("folder", "zip", "npz", "tfrecord")


def load_images(
    source,
    *,
    image_size,
    data_dir=None,
    manual_dir=None,
    test_fraction=0.2,
    seed=0,
    examples_per_class=None,
    noted=None,
    for_training=True,
    keep_repeated=False,
    memory_gib=None,
    cache_gib=100.0,
):
    """Loads a data set, at one size and in colour, into memory.

    Gray images get three equal channels; what is transparent lies on white;
    sizes are changed with antialiased bilinear filtering, aspect ratios are
    not kept.

    Args:
        source: Str. `paper:NAME`, a data set of the paper with its splits and
            sizes, which are checked (`catalogue.names()`); `subset:NAME`, a
            small part of one in an npz file (`catalogue.subset_names()`), or
            `subset:NAME+NAME`, the classes of several side by side;
            `tfds:NAME`, a data set of TensorFlow Datasets with features image
            and label (ours: glyphs, digits, colored_digits, tiny_imagenet,
            stanford_cars, fgvc_aircraft, cub_200_2011); `folder:PATH`, a
            folder per class, in `train` and `test` or `val` or not;
            `zip:FILE`, a zip file of one;
            `csv:FILE`, a table of image files and classes
            (listing/image_table.py); `npz:PATH`, a file with
            `{train,test}_images` (uint8), `{train,test}_labels` and
            `class_names`; `tfrecord:PATH`, a folder of shards that ExampleGen
            wrote on Apache Beam. PATH, and FILE of a zip file, may be a URI, as
            gs://bucket/images.npz.
        image_size: Int, height and width of the result in pixels; the paper's
            is `catalogue.entry(NAME).image_size`.
        data_dir: Where `paper:` and `tfds:` keep prepared data; None for
            TFDS's own place.
        manual_dir: Where `paper:` and `tfds:` find data that they cannot
            download, and the folder of the files of `subset:`; a path or URI.
        test_fraction: Float in (0, 1), the test share of each class for
            folders without `train` and `test`. Default 0.2.
        seed: Int of at least 0, for that cut and for `examples_per_class`.
        examples_per_class: Int, how many training images of each class to
            keep, chosen at random; default None keeps all. The paper's
            s-CIFAR100 at random is `paper:cifar100` with 50.
        noted: The `record` of the data of an earlier call with the same source,
            which this one is to return again; default None.
        for_training: Bool, default True: all of it; else, of image files, what
            is left of their test part.
        keep_repeated: Bool, default False: of image files, test images that
            are training images too, to the byte, are left out.
        memory_gib: Float, GiB. A `tfrecord:` source whose images are larger
            stays on disk, as `MappedImages`; every other one, but those of the
            paper, is read all the same; either says so. Default None reads
            everything without a word.
        cache_gib: Float, GiB that copies of such sources may take that lie in
            an object store: in `shards` of `data_dir`, or of ~/.cache/mp_keras.

    Returns:
        `ImageData` with a `record`.

    Raises:
        FileNotFoundError: If the file, the folder or the manual data set is
            not there, or a download failed; the message says what to put
            where.
        ConnectionError: If the store of a URI cannot be reached.
        ValueError: If an argument is wrong, the data cannot be used or are
            larger than this machine's memory; the message names the file and
            what was expected.
    """
    image_size = argument_checks.check_int("image_size", image_size, 1)
    test_fraction = argument_checks.check_fraction(
        "test_fraction", test_fraction
    )
    seed = argument_checks.check_int("seed", seed, 0)
    if examples_per_class is not None:
        argument_checks.check_int("examples_per_class", examples_per_class, 1)
    source_kind, place = source_names.parse(source)
    with tempfile.TemporaryDirectory() as folder:
        if source_kind == "tfrecord" and memory_gib is not None:
            place = _cached(place, data_dir, memory_gib, cache_gib)
        if source_kind in _FETCHED:
            place = fetched(place, folder)
        manual_dir = fetched(manual_dir, folder)
        try:
            data = _load(
                source_kind,
                place,
                image_size,
                data_dir,
                manual_dir,
                test_fraction,
                seed,
                noted=noted,
                for_training=for_training,
                keep_repeated=keep_repeated,
                memory_gib=memory_gib,
                check_count=functools.partial(
                    memory_need.check, source, image_size, memory_gib
                ),
            )
        except MemoryError as error:
            raise ValueError(
                f"`source` {source} must fit into memory, with all of its "
                f"images at image_size={image_size}. Received: {error}"
            ) from error
    if for_training:
        image_data.check_image_data(data, source)
    if data.record is None:
        data = dataclasses.replace(data, record={"digest": data.digest()})
        # Runs once noted the digest of the pixels of shards as well.
        if noted and noted != data.record and data.known_digest:
            data = dataclasses.replace(
                data, record={"digest": data.pixel_digest()}
            )
        image_data.check_record(data.record, noted, source)
    if examples_per_class is None:
        return data
    chosen = stratified.balanced_subset(
        data.train_labels, examples_per_class, seed
    )
    return dataclasses.replace(
        data,
        train_images=mapped_images.take(data.train_images, chosen),
        train_labels=data.train_labels[chosen],
        train_digests=data.train_digests
        and tuple(data.train_digests[index] for index in chosen),
    )


def _load(
    source_kind,
    place,
    image_size,
    data_dir,
    manual_dir,
    test_fraction,
    seed,
    memory_gib,
    check_count,
    **of_files,
):
    if source_kind == "paper":
        return catalogue_source.load_paper(
            place, image_size, data_dir, manual_dir
        )
    if source_kind == "subset":
        return catalogue_source.load_subset(place, image_size, manual_dir)
    if source_kind == "tfds":
        return tfds_source.load_tfds(
            place, image_size, data_dir, manual_dir, check_count=check_count
        )
    if source_kind in source_names.LISTED:
        return folder_source.load_listed(
            source_kind,
            place,
            image_size,
            test_fraction,
            seed,
            check_count=check_count,
            **of_files,
        )
    if source_kind == "tfrecord":
        return tfrecord_source.load_tfrecord(place, image_size, memory_gib)
    return npz_source.load_npz(place, image_size, check_count)


def _cached(place, data_dir, memory_gib, cache_gib):
    """Returns the local copy of large shards in a store, else the place."""
    if not artifact_store.is_uri(place):
        return place
    description = shard_cache.describe(place)
    if not description or not shard_cache.is_larger(description, memory_gib):
        return place
    root = pathlib.Path(data_dir or _CACHE).expanduser() / "shards"
    return str(shard_cache.local_folder(place, description, root, cache_gib))


def fetched(place, folder):
    """Returns a place to read from on this machine.

    Args:
        place: Path, URI or None.
        folder: Path-like of a folder for copies.

    Returns:
        A path or None as it is; for a URI the path of a copy in `folder`.

    Raises: ConnectionError; FileNotFoundError.
    """
    if not artifact_store.is_uri(place):
        return place
    target = tempfile.mkdtemp(dir=folder)
    return str(artifact_store.download(place, target))
