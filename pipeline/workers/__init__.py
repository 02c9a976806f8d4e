"""Several processes that train together, one per worker (TF_CONFIG)."""
