"""Reporter: the results of all targets in one folder, with one first page.

report.html        of a single target its own report, else an overview
results.csv        one line per run, over all targets
evaluation.json    {label: what the Evaluator found}
LABEL.html, LABEL/…   of each target, as the Evaluator left them
"""

import csv
import io
import pathlib

from mp_keras import files
from pipeline import csv_text
from pipeline import intervals
from pipeline.report import overview
from pipeline.storage import copying


def report(results, title, directory):
    """Brings the Evaluators' folders together.

    Args:
        results: Folders that the Evaluator stage wrote, one per target.
        title: Str, heading of the overview.
        directory: Path-like, made if it is missing.

    Returns: the dict that `evaluation.json` holds.
    """
    directory = pathlib.Path(directory)
    evaluations = {}
    for folder in map(pathlib.Path, results):
        copying.copy_files_into(folder, directory)
        (page,) = folder.glob("*.html")
        label = page.stem
        evaluations[label] = files.read_json(folder / label / "evaluation.json")
    if len(evaluations) == 1:
        copying.copy_file(page, directory / "report.html")
    else:
        text = overview.render(evaluations, title)
        files.write_text(directory / "report.html", text)
    files.write_text(directory / "results.csv", _csv(evaluations))
    files.write_json(directory / "evaluation.json", evaluations)
    return evaluations


def _csv(evaluations):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["target", "data", "network", "method", "seed", "steps", "part"]
        + list(intervals.METRICS)
    )
    for label, evaluation in evaluations.items():
        for run in evaluation["runs"]:
            for part in ("validation", "test"):
                if part in run:
                    cells = [label, evaluation["data"]]
                    cells += [run[k] for k in ("network", "method", "seed")]
                    cells += [run["steps"], part]
                    cells += [run[part][name] for name in intervals.METRICS]
                    writer.writerow(csv_text.row(cells))
    return text.getvalue()
