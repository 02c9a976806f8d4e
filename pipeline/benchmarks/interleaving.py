"""Times actions in turn, so that a slower minute slows all of them.

for each round: for each action: seconds of one call
ratio of two = median over the rounds of the quotient within a round
"""

import statistics
import time


def measure(actions, rounds, warm_up=2):
    """Returns the seconds of each call, a list for each action.

    Args:
        actions: Dict from name to a function without arguments that returns
            when its work is done; one that returns a number has measured
            its seconds itself.
        rounds: Int >= 1, calls of each action.
        warm_up: Int >= 0, calls of each before the first round.
    """
    for action in actions.values():
        for _ in range(warm_up):
            action()
    seconds = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            began = time.perf_counter()
            own = action()
            elapsed = time.perf_counter() - began
            measured = isinstance(own, float)
            seconds[name].append(own if measured else elapsed)
    return seconds


def milliseconds(seconds):
    """Returns a dict: `median_ms` and `quartiles_ms`, the spread."""
    return {
        "median_ms": 1000 * statistics.median(seconds),
        "quartiles_ms": [1000 * each for each in _quartiles(seconds)],
    }


def ratio(numerators, denominators):
    """Returns a dict: `median` and `quartiles` of the rounds' quotients.

    Args:
        numerators: List of the seconds of one action.
        denominators: List of another's in the same rounds.
    """
    quotients = [one / two for one, two in zip(numerators, denominators)]
    return {
        "median": statistics.median(quotients),
        "quartiles": _quartiles(quotients),
    }


def _quartiles(values):
    if len(values) < 2:
        return [values[0], values[0]]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return [first, third]
