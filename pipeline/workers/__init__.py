"""Several processes that train together, one a worker (TF_CONFIG)."""
