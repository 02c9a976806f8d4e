"""Data input and the stages that wire configs, data, models and training."""
