"""The run kind of an experiment: what its cells train."""

import collections.abc
import dataclasses
import typing


@dataclasses.dataclass(frozen=True)
class RunKind:
    """One kind of training, and what tables and figures need of it.

    Args:
        section: Str, key of the config that the cells start from.
        method: Str, key in it of the method's name, after which the section
            with the method's hyperparameters is named, if it has any.
        note: Str, what the intervals are, below the title of a table.
        read: Function that reads the data of the cells.
        train: Function (run config, folder, data_dir, read) to the result.
        protocol: Function from a run config to a part of a sentence.
        open_run: Function (run config, folder, data_dir, read) to what
            measures take.
        measures: Dict {name: function of an open run and settings}.
        open_sections: Tuple of str, sections that take keys of any name.
        decimals: Dict {metric: int}, where not the usual ones.
    """

    section: str
    method: str
    note: str
    read: collections.abc.Callable[..., typing.Any]
    train: collections.abc.Callable[..., dict]
    protocol: collections.abc.Callable[..., str]
    open_run: collections.abc.Callable[..., typing.Any]
    measures: dict[str, collections.abc.Callable[..., typing.Any]]
    open_sections: tuple[str, ...] = ()
    decimals: dict[str, int] = dataclasses.field(default_factory=dict)
