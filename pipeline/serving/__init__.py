"""A small stand-in for TensorFlow Serving: its REST form, for a try-out."""
