"""Classifiers as SavedModels and in other formats."""
