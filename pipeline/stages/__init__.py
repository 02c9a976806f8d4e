"""The stages of the pipeline, one file each: plain functions on folders.

ExampleGen -> MetaTrainer -> PhiExporter -> Tuner -> TargetTrainer (method x
seed) -> Evaluator -> Pusher, the roles that TFX gives them. They know nothing
of the engine; kubeflow/components.py hands them paths. A stage that the
pipeline of this machine started ends with it.
"""

import os

from pipeline.storage import locks

LOCK_VARIABLE = "MP_KERAS_PIPELINE_LOCK"  # process:path, of the pipeline

_process, _, _path = os.environ.get(LOCK_VARIABLE, "").partition(":")
if _path and _process != str(os.getpid()):
    locks.end_with_holder(_path)
