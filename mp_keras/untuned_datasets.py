"""`tf.data` sets without TensorFlow's tuner, whose end can make one wait.

TensorFlow tunes a running data set in a thread of its own, which sleeps 10 ms,
then 20, 40, ..., up to a minute. The end of an iteration wakes it before it
sets the flag that the thread looks at (TensorFlow 2.21): where the thread is
quicker, as on few cores, it sleeps on, and `fit`, `evaluate` and `predict`
return when it is done, after up to twice their time.
"""

import keras

from mp_keras import backends


def untuned(dataset):
    """Returns a `tf.data.Dataset` that TensorFlow does not tune.

    Its maps run on all cores and its prefetches hold what they were given.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def batched(inputs, batch_size):
    """Returns arrays as `keras.Model.predict` takes them, untuned.

    Args:
        inputs: An array, or list, tuple or dict of them, of equally many
            examples; on other backends, where there is no such thread, and for
            anything else, they are returned as they are.
        batch_size: Int, or None for Keras' default, 32.
    """
    leaves = keras.tree.flatten(inputs)
    if not backends.is_tensorflow() or not all(map(_is_array, leaves)):
        return inputs
    import tensorflow as tf

    # As Keras does: `tf.data` takes lists for arrays.
    tuples = keras.tree.lists_to_tuples(inputs)
    examples = tf.data.Dataset.from_tensor_slices((tuples,))
    return untuned(examples.batch(batch_size or 32))


def listed(batches):
    """Returns a `keras.utils.PyDataset` as `fit` takes it, untuned.

    Args:
        batches: The `PyDataset`, of at least one batch, and of batches of one
            structure, whose arrays differ in their first axis alone. On other
            backends it is returned as it is.
    """
    if not backends.is_tensorflow():
        return batches
    import tensorflow as tf

    count = len(batches)
    dataset = tf.data.Dataset.from_generator(
        lambda: (batches[index] for index in range(count)),
        output_signature=keras.tree.map_structure(
            lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype),
            batches[0],
        ),
    )
    counted = tf.data.experimental.assert_cardinality(count)
    return untuned(dataset.apply(counted).prefetch(1))


def _is_array(value):
    return hasattr(value, "shape") and hasattr(value, "dtype")
