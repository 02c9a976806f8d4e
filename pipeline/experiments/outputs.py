"""Tables and figures of an experiment, from the cells that are there."""

import pathlib

import numpy as np

from mp_keras import files
from mp_keras.evaluation import inspection
from mp_keras.evaluation import loss_surface as surfaces
from mp_keras.evaluation import reliability as reliabilities
from pipeline.experiments import cells
from pipeline.experiments import few_shot_outputs
from pipeline.experiments import groups
from pipeline.experiments import tables
from pipeline.figures import convergence
from pipeline.figures import feature_maps
from pipeline.figures import loss_surface
from pipeline.figures import reliability
from pipeline.figures import robustness
from pipeline.figures import saving
from pipeline.figures import scale


def write(config, finished, workdir):
    """Writes the table's files, and for each measure PNG, SVG and JSON.

    Args:
        config: Config of `configs/experiments/`.
        finished: List of `runner.Finished`, at least one.
        workdir: Path-like, where they go.

    Returns: list of the paths written.
    """
    workdir = pathlib.Path(workdir)
    written = tables.write(config, finished, workdir)
    for name in config.measure_names:
        stem = config.name
        if len(config.measure_names) > 1:
            stem = f"{config.name}_{name}"
        data, figures = _DRAWINGS[name](finished)
        path = workdir / f"{stem}.json"
        files.write_json(path, data)
        written.append(path)
        for suffix, figure in figures.items():
            written += saving.save(figure, workdir / f"{stem}{suffix}")
    return written


def _convergence(finished):
    grouped = groups.by_column(finished, "convergence")
    curves = {
        column: {
            style: {
                "steps": seeds[0]["steps"],
                "loss": np.array([seed["loss"] for seed in seeds]),
                "accuracy": np.array([seed["accuracy"] for seed in seeds]),
            }
            for style, seeds in methods.items()
        }
        for column, methods in grouped.items()
    }
    part = finished[0].measured["convergence"].get("part", "test")
    return groups.plain(curves), {"": convergence.draw(curves, part)}


def _robustness(finished):
    """One picture for each column and number of gradient samples."""
    data, figures = {}, {}
    grouped = groups.by_column(finished, "robustness")
    for column, methods in grouped.items():
        curves = {}
        for style, seeds in methods.items():
            for norm, by_count in seeds[0].items():
                for count in by_count:
                    curve = {
                        "epsilons": by_count[count]["epsilons"],
                        "accuracy": np.array(
                            [seed[norm][count]["accuracy"] for seed in seeds]
                        ),
                    }
                    panels = curves.setdefault(count, {})
                    panels.setdefault(norm, {})[style] = curve
        data[column] = curves
        name = f"_{cells.slug(column)}" if len(grouped) > 1 else ""
        for count, panels in curves.items():
            plural = "" if count == "1" else "s"
            suffix = f"{name}_{count}_gradient{plural}"
            figures[suffix] = robustness.draw(panels)
    return groups.plain(data), figures


def _reliability(finished):
    """Counts, and sums behind the means, are added over the seeds."""
    curves = {
        column: {style: _joined(seeds) for style, seeds in methods.items()}
        for column, methods in groups.by_column(finished, "reliability").items()
    }
    styles = dict.fromkeys(s for group in curves.values() for s in group)
    curves = {
        column: {style: group.get(style, _NOTHING) for style in styles}
        for column, group in curves.items()
    }
    data = {
        column: {
            style: {
                "count": curve.count,
                "confidence": np.nan_to_num(curve.confidence),
                "accuracy": np.nan_to_num(curve.accuracy),
            }
            for style, curve in group.items()
        }
        for column, group in curves.items()
    }
    return groups.plain(data), {"": reliability.draw(curves)}


# A row that a column lacks is an empty diagram.
_NOTHING = reliabilities.ReliabilityCurve(
    count=np.zeros(1),
    confidence=np.full(1, np.nan),
    accuracy=np.full(1, np.nan),
)


def _joined(seeds):
    counts = np.array([seed["count"] for seed in seeds])
    total = counts.sum(axis=0)

    def mean(key):
        values = np.array([seed[key] for seed in seeds])
        sums = (counts * values).sum(axis=0)
        return np.where(total, sums / np.maximum(total, 1), np.nan)

    return reliabilities.ReliabilityCurve(
        count=total, confidence=mean("confidence"), accuracy=mean("accuracy")
    )


def _scale(finished):
    """The first seed of each column."""
    scales = {
        column: next(iter(methods.values()))[0]
        for column, methods in groups.by_column(finished, "scale").items()
    }
    return scales, {"": scale.draw(scales)}


def _loss_surface(finished):
    """One picture for each column, of the first seed."""
    grouped = groups.by_column(finished, "loss_surface")
    figures = {}
    for column, methods in grouped.items():
        name = f"_{cells.slug(column)}" if len(grouped) > 1 else ""
        figures[name] = loss_surface.draw(
            {
                style: surfaces.LossSurface(
                    np.array(seeds[0]["offsets"]), np.array(seeds[0]["losses"])
                )
                for style, seeds in methods.items()
            }
        )
    return grouped, figures


def _feature_maps(finished):
    """The first seed of each column."""
    grouped = groups.by_column(finished, "feature_maps")
    examples = {}
    for column, methods in grouped.items():
        measured = next(iter(methods.values()))[0]
        views = [
            inspection.PositionView(
                name=position["name"],
                features=np.array(position["features"])[..., None],
                noise=np.array(position["noise"])[..., None],
                scale=np.array([position["scale"]]),
                noise_coefficient=position["noise_coefficient"],
                outputs=np.array(position["outputs"])[..., None],
            )
            for position in measured["positions"]
        ]
        image = np.array(measured["image"], "uint8")
        examples[column] = image, views
    return grouped, {"": feature_maps.draw(examples)}


_DRAWINGS = {
    **few_shot_outputs.DRAWINGS,
    "convergence": _convergence,
    "robustness": _robustness,
    "reliability": _reliability,
    "scale": _scale,
    "loss_surface": _loss_surface,
    "feature_maps": _feature_maps,
}
