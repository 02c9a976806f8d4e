"""The stages of the pipeline, one file each: plain functions on folders.

ExampleGen -> MetaTrainer -> PhiExporter -> TargetTrainer (method x seed) ->
Evaluator -> Pusher, the roles that TFX gives them. They know nothing of the
engine; kubeflow/components.py hands them paths.
"""
