"""Our builders of TensorFlow Datasets."""
