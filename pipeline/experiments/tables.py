"""An experiment's table: the paper's figure and ours, Markdown and CSV."""

import csv
import io

from mp_keras import files
from pipeline.experiments import paper
from pipeline.report import statistics

_NOTE = (
    "Ours: mean ± 95 % interval over seeds (Student's t); without an interval, "
    "one seed. Test examples are used for this table alone."
)

_OTHER_PROTOCOL = (
    "The paper's figures are those of its full protocol (`:paper`), which "
    "this is not."
)


def write(config, finished, workdir):
    """Writes NAME.md and NAME.csv and returns their paths.

    Args:
        config: Config of `configs/experiments/`: `name`, `title`, `rows`,
            `columns`, `metric` (a key of `statistics.FIGURES`, the one the
            paper gives) and `paper_table` (or "").
        finished: List of `runner.Finished`.
        workdir: Path of the folder.
    """
    numbers = _intervals(finished)
    rows = _present(config.rows, {row for row, _ in numbers})
    columns = _present(config.columns, {column for _, column in numbers})
    markdown, table = workdir / f"{config.name}.md", f"{config.name}.csv"
    order = [config.metric]
    order += [name for name in statistics.FIGURES if name != config.metric]
    parts = [f"# {config.title}", _NOTE, _protocol(config, finished)]
    if config.paper_table and config.profile != "paper":
        parts.append(_OTHER_PROTOCOL)
    versions = {each.result.get("software") for each in finished}
    if len(versions) > 1:
        parts.append(
            f"The cells come from {len(versions)} versions of mp_keras."
        )
    for metric in order:
        heading, unit, _, _ = statistics.FIGURES[metric]
        parts.append(f"## {heading.capitalize()} ({unit})")
        parts.append(_markdown(config, rows, columns, numbers, metric))
    files.write_text(markdown, "\n\n".join(parts) + "\n")
    lines = _csv(config, rows, columns, numbers, order)
    files.write_text(workdir / table, lines)
    return [markdown, workdir / table]


def _intervals(finished):
    """Returns {(row, column): {metric: interval}}."""
    results = {}
    for each in finished:
        key = each.cell.row["name"], each.cell.column["name"]
        results.setdefault(key, []).append(each.result)
    return {
        key: {
            metric: statistics.interval([run[metric] for run in runs])
            for metric in statistics.FIGURES
        }
        for key, runs in results.items()
    }


def _present(entries, names):
    return [entry for entry in entries if entry["name"] in names]


def _protocol(config, finished):
    """One sentence a kind of target training, from the runs themselves."""
    said = []
    for each in finished:
        target, column = each.cell.config, each.cell.column["name"]
        said.append(
            f"{column} ({target.data.source}): {target.network}, "
            f"{target.image_size} pixels, {target.steps} steps of "
            f"{target.batch_size} images, {target.samples} noise samples"
        )
    return "Protocol. " + "; ".join(dict.fromkeys(said)) + "."


def _markdown(config, rows, columns, numbers, metric):
    lines = [["", *(column["name"] for column in columns)]]
    for row in rows:
        lines.append([row["name"]])
        for column in columns:
            lines[-1].append(_cell(config, row, column, numbers, metric))
    rendered = ["| " + " | ".join(line) + " |" for line in lines]
    rendered.insert(1, "|---" * len(lines[0]) + "|")
    return "\n".join(rendered)


def _cell(config, row, column, numbers, metric):
    found = numbers.get((row["name"], column["name"]))
    decimals = statistics.FIGURES[metric][2]
    text = "–"
    if found:
        text = statistics.format_interval(found[metric], decimals)
    printed = _paper_value(config, row, column, metric)
    return f"{text} (paper {printed[0]} ± {printed[1]})" if printed else text


def _paper_value(config, row, column, metric):
    if metric != config.metric or not config.paper_table:
        return None
    return paper.paper_value(config.paper_table, row["paper"], column["paper"])


def _csv(config, rows, columns, numbers, metrics):
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        "row column figure unit mean half_width seeds paper "
        "paper_plus_minus".split()
    )
    for metric in metrics:
        unit = statistics.FIGURES[metric][1]
        for row in rows:
            for column in columns:
                found = numbers.get((row["name"], column["name"]))
                printed = _paper_value(config, row, column, metric)
                ours = ["", "", 0]
                if found:
                    ours = [found[metric][key] for key in _KEYS]
                writer.writerow(
                    [row["name"], column["name"], metric, unit, *ours]
                    + list(printed or ["", ""])
                )
    return stream.getvalue()


_KEYS = ("mean", "half_width", "seeds")
