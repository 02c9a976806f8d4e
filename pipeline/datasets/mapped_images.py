"""Images that stay on disk: an array of them is read where it is indexed.

The operating system keeps what was read lately in memory that it can take
back, so data may be many times larger than the machine's memory. The files must
not change while they are in use.
"""

import itertools

import numpy as np
import tensorflow as tf

_CHUNK = 256  # images read at once where a whole part is asked for


class MappedImages:
    """Images in files of uncompressed pixels, in a chosen order.

    As of an array there are `shape`, `dtype`, `ndim` and `len`. Indexing with
    an integer, a slice or an integer array reads into a new array.

    Args:
        files: Pairs of a path and the int64 offsets `(n,)` of its images, in
            bytes.
        size: Int, height and width in pixels; images are uint8 in colour.
        rows: int64 `(m,)`, which of all images these are, or None (default)
            for all of them, in the order of the files.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, files, size, rows=None):
        self._files = [
            (np.memmap(path, np.uint8, "r"), np.asarray(offsets, np.int64))
            for path, offsets in files
            if len(offsets)
        ]
        counts = [len(offsets) for _, offsets in self._files]
        self._ends = np.array(list(itertools.accumulate(counts)), np.int64)
        self._size = size
        total = int(self._ends[-1]) if counts else 0
        self._rows = np.arange(total) if rows is None else rows

    @property
    def shape(self):
        """`(images, height, width, 3)`."""
        return (len(self._rows), self._size, self._size, 3)

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, key):
        rows = self._rows[key]
        flat = np.ravel(rows)
        images = np.empty((len(flat), 3 * self._size**2), np.uint8)
        numbers = np.searchsorted(self._ends, flat, "right")
        for image, number, row in zip(images, numbers, flat):
            pixels, offsets = self._files[number]
            start = offsets[row - self._ends[number]]  # from the end: negative
            image[:] = pixels[start : start + len(image)]
        return images.reshape(*np.shape(rows), *self.shape[1:])

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    def take(self, indices):
        """Returns the `MappedImages` at some places; nothing is read."""
        other = object.__new__(MappedImages)
        other.__dict__ |= self.__dict__
        other._rows = self._rows[indices]
        return other

    def chunks(self):
        """Yields all images in order, arrays of some at once."""
        for start in range(0, len(self), _CHUNK):
            yield self[start : start + _CHUNK]


def is_mapped(images):
    return isinstance(images, MappedImages)


def take(images, indices):
    """Returns the images at some places, mapped if they were, else a copy."""
    return images.take(indices) if is_mapped(images) else images[indices]


def reader(images):
    """Returns a function from int64 indices `(n,)` to images, tensors both.

    An array becomes a tensor once; mapped images are read at every call.
    """
    if not is_mapped(images):
        with tf.device("CPU:0"):
            whole = tf.constant(images)
        return lambda indices: tf.gather(whole, indices)

    def read(indices):
        some = tf.numpy_function(
            lambda places: images[places], [indices], tf.uint8
        )
        return tf.ensure_shape(some, (indices.shape[0], *images.shape[1:]))

    return read
