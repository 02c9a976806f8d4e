"""Readers of image data, by kind of source."""
