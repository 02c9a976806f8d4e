"""Search spaces of the baselines' hyperparameters."""
