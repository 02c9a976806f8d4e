"""The data sets of the MetaPerturb paper, by name.

MetaPerturb (NeurIPS 2020), section 4.1 and appendix C.1 and C.2: the source
Tiny ImageNet, six targets of table 1 (stl10, s_cifar100, dogs, cars, aircraft,
cub) and small_svhn of table 2; svhn, cifar100, cifar10 and fashion_mnist
besides. `load_images("paper:NAME", ...)` reads them. `subset:NAME` names files
with a small part of a set, for machines without a network.

    entry("cars").image_size      84
    entry("s_cifar100").first_per_class    50
"""

import dataclasses
import difflib

_IMAGENET = "ImageNet's terms: non-commercial research and education only"
_RESEARCH = "non-commercial research and education only"
_UNSTATED = "no explicit licence"
_SVHN = "non-commercial use only"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One data set, as the paper's experiments use it.

    Attributes:
        name: Str after `paper:` or `subset:`.
        tfds_name: Str, the TensorFlow data set that holds it; None for a file.
        file: Str, name of the npz file that holds it; None for a TensorFlow
            data set.
        train_split: Str, native split to train on.
        test_split: Str, native split to test on, whole.
        image_size: Int, height and width in pixels in the experiments.
        classes: Int, number of classes.
        train_examples: Int, number of training images, after
            `first_per_class`; None is not checked.
        test_examples: Int, number of test images; None is not checked.
        first_per_class: Int, keep the first so many training images of each
            class in the order of the original files; None keeps all.
        terms: Str, under which terms the images may be used.
    """

    name: str
    tfds_name: str | None = None
    file: str | None = None
    train_split: str = "train"
    test_split: str = "test"
    image_size: int = 32
    classes: int
    train_examples: int | None = None
    test_examples: int | None = None
    first_per_class: int | None = None
    terms: str


def _paper(name, classes, train_examples, test_examples, terms, **others):
    """Returns the `Entry` of a TensorFlow data set, by default of its name."""
    return Entry(
        name=name,
        classes=classes,
        train_examples=train_examples,
        test_examples=test_examples,
        terms=terms,
        **{"tfds_name": name, **others},
    )


_LARGE = {"image_size": 84}
_PAPER = (
    _paper(
        "tiny_imagenet",
        200,
        100_000,
        10_000,
        _IMAGENET,
        test_split="validation",
    ),
    _paper(
        "stl10", 10, 5_000, 8_000, f"{_UNSTATED}; the images are ImageNet's"
    ),
    _paper("cifar100", 100, 50_000, 10_000, _UNSTATED),
    # Differs from the paper: the first 50 (small_svhn: 500) of each class
    # instead of 5,000 at random, because the authors' code does so. The
    # paper's rule is paper:cifar100 with examples_per_class=50.
    _paper(
        "s_cifar100",
        100,
        5_000,
        10_000,
        _UNSTATED,
        tfds_name="cifar100",
        first_per_class=50,
    ),
    _paper(
        "dogs",
        120,
        12_000,
        8_580,
        _IMAGENET,
        tfds_name="stanford_dogs",
        **_LARGE,
    ),
    _paper(
        "cars",
        196,
        8_144,
        8_041,
        _RESEARCH,
        tfds_name="stanford_cars",
        **_LARGE,
    ),
    # Differs from the paper: 100 classes instead of 102, because the 6,667
    # and 3,333 images of the paper are those of the set with 100.
    _paper(
        "aircraft",
        100,
        6_667,
        3_333,
        "non-commercial research only",
        tfds_name="fgvc_aircraft",
        **_LARGE,
    ),
    _paper(
        "cub", 200, 5_994, 5_794, _RESEARCH, tfds_name="cub_200_2011", **_LARGE
    ),
    # Differs from the paper: it samples from the 26,032 images and tests on
    # the 73,257; the authors' code has the official roles, as here.
    _paper("svhn", 10, 73_257, 26_032, _SVHN, tfds_name="svhn_cropped"),
    _paper(
        "small_svhn",
        10,
        5_000,
        26_032,
        _SVHN,
        tfds_name="svhn_cropped",
        first_per_class=500,
    ),
    _paper("cifar10", 10, 50_000, 10_000, _UNSTATED),
    _paper("fashion_mnist", 10, 60_000, 10_000, "MIT"),
)


def _subset(name, file, classes, terms, **others):
    return Entry(name=name, file=file, classes=classes, terms=terms, **others)


_SUBSETS = (
    _subset("cifar10", "cifar10_subset.npz", 10, _UNSTATED),
    _subset("fashion_mnist", "fashion_mnist_subset.npz", 10, "MIT"),
    _subset("dogs", "dogs_subset_84.npz", 50, _IMAGENET, **_LARGE),
    _subset("cars", "cars_subset_84.npz", 50, _RESEARCH, **_LARGE),
    _subset("cub2010", "cub200_2010_subset_84.npz", 50, _RESEARCH, **_LARGE),
)


def names():
    """Returns the names after `paper:`, a tuple of str."""
    return tuple(one.name for one in _PAPER)


def subset_names():
    """Returns the names after `subset:`, a tuple of str."""
    return tuple(one.name for one in _SUBSETS)


def entry(name):
    """Returns the `Entry` of a data set of the paper.

    Raises:
        ValueError: If there is none of that name; the message lists them.
    """
    return _find(_PAPER, "paper", name)


def subset_entry(name):
    """Returns the `Entry` of a file with a part of a data set.

    Raises:
        ValueError: If there is none of that name; the message lists them.
    """
    return _find(_SUBSETS, "subset", name)


def _find(entries, prefix, name):
    known = {one.name: one for one in entries}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]}?" if close else ""
    raise ValueError(
        f"The name of a {prefix}: data set must be one of {', '.join(known)}."
        f"{hint} Received: {name!r}"
    )
