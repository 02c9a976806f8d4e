"""The pipeline on Kubeflow: all that knows the engine."""
