"""What each stage of the pipeline asks of a cluster, and the Tuner's section.

On one machine only `caching` counts: nothing is requested, and a stage that
failed is not repeated, for its error is the user's to see.
"""

import ml_collections

_REQUESTS = {  # stage -> CPU cores, memory
    "example_gen": ("2", "8G"),
    "meta_trainer": ("8", "16G"),
    "phi_exporter": ("1", "4G"),
    "tuner": ("4", "8G"),
    "target_trainer": ("4", "8G"),
    "evaluator": ("4", "8G"),
    "pusher": ("1", "4G"),
    "reporter": ("1", "2G"),
}


def make_tuner(tasks):
    """Returns the section `tuner`: how the source chooses for a target."""
    tuner = ml_collections.ConfigDict()
    tuner.tasks = tasks  # of the target's size; 0: nothing is chosen
    tuner.strengths = (0.25, 1.0)  # `c_max` of methods with φ
    tuner.judged = 20  # further images of each class, which tell the best
    return tuner


def make_stages():
    """Returns the settings by stage, as `config.stages` holds them."""
    stages = ml_collections.ConfigDict()
    for stage, (cpu, memory) in _REQUESTS.items():
        settings = {
            "cpu": cpu,  # requested, in cores or thousandths ("500m")
            "memory": memory,  # requested; "": nothing
            "accelerator": "",  # a resource of the cluster: nvidia.com/gpu
            "accelerators": 1,  # how many, if one is named
            "retries": 2,  # after the first try, a minute apart and doubling
            "caching": True,  # reuse what ran with the same arguments
        }
        stages[stage] = ml_collections.ConfigDict(settings)
    return stages
