"""Keras networks read and copied as graphs of calls."""
