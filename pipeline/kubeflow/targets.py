"""The targets of a pipeline: one config changed in a few keys each."""

import re

_LABEL = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
# What else a pipeline's workdir holds; a target has LABEL/ and LABEL.html.
_TAKEN = {
    "evaluation.json",
    "examples",
    "pipeline.lock",
    "pipeline.log",
    "report",
    "results.csv",
    "runs",
    "serving",
    "steps",
    "tensorflow_datasets",
}


def expand(config):
    """Returns the targets of a pipeline, {label: config of the target}.

    Args:
        config: Config of `configs/pipeline/`. Each dict of `config.targets`
            has a `label`, which names folders and the served model, and the
            keys of `config.target` that it changes, as in {"label": "cars",
            "data.source": "subset:cars"}.

    Raises: ValueError, if there is no target, a label is missing, not fit for
        a file name or used twice, or a key is unknown.
    """
    targets = {}
    for entry in config.targets:
        changes = dict(entry)
        label = changes.pop("label", None)
        if not isinstance(label, str) or not _LABEL.fullmatch(label):
            raise ValueError(
                "Config key `targets` must give every target a `label` of "
                "small letters, digits, `.`, `_` and `-`. "
                f"Received: label={label!r}"
            )
        if label in _TAKEN or label.endswith(".html"):
            raise ValueError(
                "Config key `targets` must give every target a `label` that "
                f"is none of {', '.join(sorted(_TAKEN))}, and does not end in "
                f".html. Received: label={label!r}"
            )
        if label in targets:
            raise ValueError(
                "Config key `targets` must give every target a label of its "
                f"own. Received: {label!r} twice"
            )
        target = config.target.copy_and_resolve_references().lock()
        try:
            target.update_from_flattened_dict(changes)
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"Target {label!r} of config key `targets` must change keys "
                "of `target`, to values of their types. Received: "
                f"{changes} ({error})"
            ) from error
        targets[label] = target
    if not targets:
        raise ValueError(
            "Config key `targets` must have a target. Received: none"
        )
    return targets
