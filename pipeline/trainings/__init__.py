"""The trainings: config, data, model, fit, result."""
