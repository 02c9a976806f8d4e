"""An experiment's table: the paper's number and ours, Markdown and CSV.

A second CSV has a line per run, for other statistics than the table's: runs of
one seed share their batches, so rows compare best seed by seed.
"""

import csv
import io
import types

from mp_keras import argument_checks
from mp_keras import files
from pipeline import csv_text
from pipeline import intervals
from pipeline.experiments import cells
from pipeline.experiments import contrasts
from pipeline.experiments import paper
from pipeline.experiments import run_kinds
from pipeline.trainings import config_names

_OTHER_PROTOCOL = (
    "The paper's numbers are those of its full protocol (`:paper`), which "
    "this is not."
)


def check_metric(config):
    """Raises ValueError, with the valid ones, for an unknown metric."""
    argument_checks.check_one_of(
        "metric", config.metric, intervals.METRICS, "Config key"
    )


def write(config, finished, workdir):
    """Writes NAME.md, NAME.csv and NAME_runs.csv and returns their paths.

    Args:
        config: Config of `configs/experiments/`: `name`, `title`, `task`,
            `rows`, `columns`, `metric` (a key of `intervals.METRICS`, the one
            the paper gives), `paper`, `paper_table` (or "") and
            `quoted_rows`, those of the paper that are not run.
        finished: List of `runner.Finished`.
        workdir: Path of the folder.
    """
    numbers = _intervals(finished)
    rows = _listed(
        cells.rows_of(config), config.only_rows, {row for row, _ in numbers}
    )
    columns = _listed(
        config.columns, config.only_columns, {column for _, column in numbers}
    )
    markdown, table, runs = (
        workdir / f"{config.name}{suffix}"
        for suffix in (".md", ".csv", "_runs.csv")
    )
    order = [config.metric]
    order += [name for name in intervals.METRICS if name != config.metric]
    note = run_kinds.of(config).note
    parts = [f"# {config.title}", note, _protocol(config, finished)]
    if config.paper_table and config.profile != "paper":
        parts.append(_OTHER_PROTOCOL)
    parts += _hyperparameters(config, finished)
    versions = {each.result.get("software") for each in finished}
    if len(versions) > 1:
        parts.append(
            f"The cells come from {len(versions)} versions of mp_keras."
        )
    for metric in order:
        heading, unit, _, _ = intervals.METRICS[metric]
        parts.append(f"## {heading.capitalize()} ({unit})")
        parts.append(_markdown(config, rows, columns, numbers, metric))
    parts += contrasts.sections(config, finished)
    files.write_text(markdown, "\n\n".join(parts) + "\n")
    files.write_text(table, _csv(config, rows, columns, numbers, order))
    files.write_text(runs, _runs_csv(finished, order))
    return [markdown, table, runs]


def _intervals(finished):
    """Returns {(row, column): {metric: interval}}."""
    results = {}
    for each in finished:
        key = each.cell.row.name, each.cell.column.name
        results.setdefault(key, []).append(each.result)
    return {
        key: {metric: _interval(runs, metric) for metric in intervals.METRICS}
        for key, runs in results.items()
    }


def _interval(runs, metric):
    """Over the runs; of a single one that over its test, if it has one."""
    found = intervals.interval([run[metric] for run in runs])
    if len(runs) == 1:
        found["half_width"] = runs[0].get(f"{metric}_half_width")
    return found


def _listed(entries, chosen, finished):
    """Returns the entries that were asked for or are there, failed or not."""
    return [
        entry
        for entry in entries
        if entry.name in finished or not chosen or entry.name in chosen
    ]


def _protocol(config, finished):
    """One sentence per kind of training, from the runs themselves."""
    describe = run_kinds.of(config).protocol
    said = [
        f"{each.cell.column.name} {describe(each.cell.config)}"
        for each in finished
    ]
    return "Protocol. " + "; ".join(dict.fromkeys(said)) + "."


def _hyperparameters(config, finished):
    """One line per column: the values of its methods; [], if none has any."""
    said = {}
    for each in finished:
        of_column = said.setdefault(each.cell.column.name, {})
        key = run_kinds.of(config).method
        of_column |= dict.fromkeys(_chosen_values(each.cell, key))
    lines = [f"- {name}. {'; '.join(of)}" for name, of in said.items() if of]
    return ["Hyperparameters:\n\n" + "\n".join(lines)] if lines else []


def _chosen_values(cell, key):
    said = []
    for method in config_names.parts(cell.config[key]):
        section = cell.config.get(method)
        if section is None:
            continue
        values = ", ".join(f"{name} {value}" for name, value in section.items())
        origin = "default"
        if method in cell.column.tuned:
            origin = f"chosen on {cell.column.tuned_on}"
        if any(key.startswith(f"{method}.") for key in cell.row.set):
            origin = "of the row"
        said.append(f"{method}: {values} ({origin})")
    return said


def _markdown(config, rows, columns, numbers, metric):
    lines = [["", *(column.name for column in columns)]]
    for row in rows + _quoted(config, metric):
        lines.append([row.name])
        for column in columns:
            lines[-1].append(_cell(config, row, column, numbers, metric))
    rendered = ["| " + " | ".join(line) + " |" for line in lines]
    rendered.insert(1, "|---" * len(lines[0]) + "|")
    return "\n".join(rendered)


def _quoted(config, metric):
    """Returns the rows that the paper has, and we do not run."""
    if metric != config.metric:
        return []
    return [
        types.SimpleNamespace(name=name, paper=name)
        for name in config.quoted_rows
    ]


def _cell(config, row, column, numbers, metric):
    found = numbers.get((row.name, column.name))
    decimals = run_kinds.of(config).decimals.get(
        metric, intervals.METRICS[metric][2]
    )
    text = "–"
    if found:
        text = intervals.format_interval(found[metric], decimals)
    printed = _paper_value(config, row, column, metric)
    return f"{text} (paper {_printed(*printed)})" if printed else text


def _printed(value, plus_minus):
    return f"{value} ± {plus_minus}" if plus_minus else value


def _paper_value(config, row, column, metric):
    if metric != config.metric or not config.paper_table:
        return None
    return paper.paper_value(
        config.paper_table, row.paper, column.paper, config.paper
    )


def _csv(config, rows, columns, numbers, metrics):
    titles = "row column metric unit mean half_width seeds paper"
    lines = [[*titles.split(), "paper_plus_minus"]]
    for metric in metrics:
        unit = intervals.METRICS[metric][1]
        for row in rows + _quoted(config, metric):
            for column in columns:
                found = numbers.get((row.name, column.name))
                printed = _paper_value(config, row, column, metric)
                ours = ["", "", 0]
                if found:
                    ours = [found[metric][key] for key in _KEYS]
                lines.append(
                    [row.name, column.name, metric, unit, *ours]
                    + list(printed or ["", ""])
                )
    return _csv_text(lines)


_KEYS = ("mean", "half_width", "seeds")


def _runs_csv(finished, metrics):
    """A line per run; in the units of the table."""
    lines = [["row", "column", "seed", *metrics]]
    for each in finished:
        cell, values = each.cell, [each.result[name] for name in metrics]
        lines.append([cell.row.name, cell.column.name, cell.seed, *values])
    return _csv_text(lines)


def _csv_text(lines):
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows(map(csv_text.row, lines))
    return stream.getvalue()
