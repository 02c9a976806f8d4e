"""A run's classifier without its noise, and what that costs."""

import pathlib

from pipeline.runs import run_records
from pipeline.trainings import methods

_ALLOWED_LOSS = 2.0  # points of accuracy
_UNKNOWN = "what one pass loses against many with noise is not known"


def load(workdir, allow_loss=False):
    """Returns the network without noise of a run, and a report on it.

    Args:
        workdir: Path-like of a finished `train_target`.
        allow_loss: Bool, default False: whether a network may be clearly
            worse without its noise, or nobody know how good it is.

    Returns: a `keras.Model`; text, a line for each form of the network.
    Raises: FileNotFoundError, if there is no model; ValueError, if it is
        damaged, or more than 2 points of accuracy worse with its whole 95 %
        interval, or of an older run, and `allow_loss` is False.
    """
    folder = pathlib.Path(workdir)
    file = folder / "deterministic.keras"
    if not file.is_file():
        network = methods.load_network(folder)  # or says that there is none
        _check(allow_loss, folder, f"a run without {file.name}: {_UNKNOWN}")
        return network, f"{folder}: {_UNKNOWN}"
    network = methods.load_network(file)
    result = run_records.read_object(folder / "result.json")
    single = result["deterministic"]
    gain = single["against_samples"]["accuracy_gain"]
    best_case = gain["mean"] + gain["half_width"]
    if best_case < -_ALLOWED_LOSS:
        _check(allow_loss, folder, f"a gain of {_interval(gain)}")
    lines = [
        _line(f"{result['samples']} passes with noise", result),
        _line("1 pass without noise", single),
        f"difference in accuracy: {_interval(gain)}",
    ]
    return network, "\n".join(lines)


def _check(allow_loss, folder, received):
    if not allow_loss:
        raise ValueError(
            f"The classifier in {folder} must lose at most {_ALLOWED_LOSS:g} "
            "points of accuracy without its noise; --allow_loss takes it as "
            f"it is. Received: {received}"
        )


def _line(name, metrics):
    return (
        f"{name}: accuracy {metrics['accuracy']:.1f} %, "
        f"{metrics['negative_log_likelihood']:.3f} nats, calibration error "
        f"{metrics['expected_calibration_error']:.1f} %, Brier score "
        f"{metrics['brier_score']:.3f}"
    )


def _interval(gain):
    return (
        f"{gain['mean']:+.2f} ± {gain['half_width']:.2f} points (95 % interval "
        "over the test images)"
    )
