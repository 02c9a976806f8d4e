"""Many small trainings at once on one accelerator, in JAX alone.

Studies of φ need hundreds of trainings of one kind: tasks, seeds, values of φ.
Here a training is a function of arrays (networks.py, training.py) that
`jax.vmap` runs for all of them at once. No TensorFlow is needed; that the
arithmetic is mp_keras' own is tested against its Keras networks.
"""
