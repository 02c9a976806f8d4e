"""One self-contained HTML file of a pipeline's results."""

import html
import json
import string

import keras

import mp_keras
from mp_keras import files
from pipeline import intervals
from pipeline.figures import method_styles
from pipeline.report import plots

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2328; margin: 2rem auto;
       max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } caption { text-align: left; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left;
         border-bottom: 1px solid #d0d7de; }
td { font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; }
.verdict { font-size: 1.1rem; font-weight: 600; }
.note { color: #59636e; } pre { overflow-x: auto; font-size: .8rem; }
"""
HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<h1>$title</h1>
"""  # of every page: a template's beginning
_PAGE = string.Template(
    HEAD
    + """\
<p class="verdict">$verdict</p>
<p>Base is the plain network. MetaPerturb is the same network with φ: a small
function, learned on other images, that perturbs its features. Manifold Mixup
blends the features of two images, and their labels, while it trains.</p>
$summary
<p class="note">$network, $steps steps, $training training images,
$validation for validation, $test for the test; $samples noise samples per
prediction. Mean ± 95&nbsp;% interval over seeds (Student's t).</p>
$metrics
$choice
<h2>Every run</h2>
$runs
<p class="note">The pages behind the links: what a run measured, its
configuration, its training loss. <a href="$label/evaluation.json">All metrics
as JSON</a>, and the pictures of this page as SVG:
$pictures.</p>
<h2>Are the probabilities to be believed?</h2>
<p>Bars on the diagonal are calibrated: of the images predicted with 80 %
confidence, 80 % are right. Below it a network is too sure of itself. The
darker a bar, the more images. The seeds of a method are pooled here: ECE,
their calibration error together, may differ from the mean of the table.</p>
$reliability
<h2>How the targets trained</h2>
<p>A line is a run. The loss of MetaPerturb is measured under its noise.</p>
$convergence
<h2>How φ was learned</h2>
<p>$meta_note</p>
$meta_training
$positions
<h2>Configuration of the targets</h2>
<pre>$config</pre>
</body>
</html>
"""
)
# What of a run the page links to -> the link's text.
_RUN_FILES = {
    "result.json": "result",
    "config.json": "config",
    "history.jsonl": "history",
}
_CHOICE = string.Template("""\
<h2>What was chosen on the source</h2>
<p>$sentence</p>
$trials
<p class="note">Losses and accuracies on $judged_on further images of each task,
after the temperature. No image of the target took part.</p>
""")
_POSITIONS = string.Template("""\
<h2>What φ does at each position</h2>
<p>One test image inside $network. A row is a position, in its strongest
channel: before φ, one sample of the noise z, and after φ, which is the product
of both and the channel's scale s. The dots are the scales of all channels, the
line is their mean.</p>
$feature_maps
$scales
""")


def render(result, drawings, meta_run, config):
    """Returns the page.

    Args:
        result: Dict of the Evaluator.
        drawings: Dict from name to SVG text, as `draw` returns it.
        meta_run: Path of the MetaTrainer's folder.
        config: Config of `configs/target/`.

    Its links lead into the folder `result["label"]` beside it.
    """
    runs, label = result["runs"], result["label"]
    meta_result = files.read_json(meta_run / "result.json")
    return _PAGE.substitute(
        title=f"What φ brought: {html.escape(result['data'])}",
        label=label,
        style=STYLE,
        verdict=html.escape(intervals.verdict(result["gains"])),
        summary=_summary_table(result),
        network=html.escape(runs[0]["network"]),
        steps=runs[0]["steps"],
        samples=result["samples"],
        **result["examples"],
        metrics=drawings["metrics"],
        choice=_choice(result.get("choice")),
        runs=_runs_table(runs),
        pictures=", ".join(
            _link(f"{label}/figures/{name}.svg", name.replace("_", " "))
            for name in drawings
        ),
        reliability=drawings["reliability"],
        convergence=drawings["convergence"],
        meta_note=html.escape(_meta_note(meta_result)),
        meta_training=drawings["meta_training"],
        positions=_positions(runs, drawings),
        config=html.escape(json.dumps(config.to_dict(), indent=2)),
    )


def draw(runs, folders, probabilities, labels, images, meta_run):
    """Returns the page's drawings, {name: SVG text}.

    Args:
        runs: List of the Evaluator's dicts, one per run.
        folders: Path of each run's folder.
        probabilities: One array `(examples, classes)` a run, of its test part.
        labels: One integer array `(examples,)` a run.
        images: uint8 array `(n, height, width, channels)`: φ is shown on the
            first.
        meta_run: Path of the MetaTrainer's folder.
    """
    drawings = {
        "metrics": plots.metrics_by_method(runs),
        "reliability": plots.reliability_by_method(probabilities, labels, runs),
        "convergence": plots.convergence(
            [_history(folder) for folder in folders], runs
        ),
        "meta_training": plots.meta_training(_history(meta_run)),
    }
    perturbed = _first_perturbed(runs)
    if perturbed is not None:
        path = folders[perturbed] / "model.keras"
        views = mp_keras.inspect_positions(
            keras.saving.load_model(path), mp_keras.normalize(images[:1])
        )
        drawings["feature_maps"] = plots.maps_of_positions(views, images[0])
        drawings["scales"] = plots.scales_of_positions(
            views, _network_of(runs[perturbed])
        )
    return drawings


def _first_perturbed(runs):
    """Returns the index of the first run with φ, or None."""
    for index, run in enumerate(runs):
        if "meta_perturb" in run["method"].split("+"):
            return index
    return None


def _network_of(run):
    return f"{run['network']}, seed {run['seed']}"


def _positions(runs, drawings):
    """Shows φ inside the first run that has one."""
    perturbed = _first_perturbed(runs)
    if perturbed is None:
        return ""
    return _POSITIONS.substitute(
        network=html.escape(_network_of(runs[perturbed])),
        feature_maps=drawings["feature_maps"],
        scales=drawings["scales"],
    )


def _history(folder):
    """Returns the windows of a run; a deep ensemble has none of its own."""
    if not (folder / "history.jsonl").exists():
        return []
    text = (folder / "history.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _meta_note(result):
    return (
        f"{result['network']} on {result['data']}: {result['tasks']} tasks, "
        f"{result['steps']} steps of {result['batch_size']} images, "
        f"{result['seconds']:.0f} seconds."
    )


def _summary_table(result):
    rows = summary_rows(result["summary"])
    for method, gains in result["gains"].items():
        rows.append(
            [
                f"gain of {method_styles.style_of(method).label}, seed by seed "
                "(positive: better than Base)",
                *intervals.format_metrics(gains, sign="+"),
            ]
        )
    return table(["", *intervals.headings()], rows)


def _choice(choice):
    """Shows what the Tuner tried and chose, if there was one."""
    if not choice:
        return ""
    rows = [
        [
            method_styles.style_of(trial["method"]).label,
            f"{trial['c_max']:g}",
            str(trial["task"]),
            f"{trial['accuracy']:.1f}",
            f"{trial['negative_log_likelihood']:.3f}",
            f"{trial['temperature']:.2f}",
        ]
        for trial in choice["trials"]
    ]
    head = ["method", "noise", "task", *intervals.headings()[:2], "temperature"]
    return _CHOICE.substitute(
        sentence=html.escape(intervals.choice_sentence(choice)),
        trials=table(head, rows),
        judged_on=choice["judged_on"],
    )


def summary_rows(summary):
    """Returns a row for each method: its label and its metrics."""
    return [
        [
            method_styles.style_of(method).label,
            *intervals.format_metrics(numbers),
        ]
        for method, numbers in summary.items()
    ]


def _runs_table(runs):
    rows = [
        [
            method_styles.style_of(run["method"]).label,
            str(run["seed"]),
            *(
                f"{run['test'][name]:.{decimals}f}"
                for name, (_, _, decimals, _) in intervals.METRICS.items()
            ),
            f"{run['seconds']:.0f}",
        ]
        for run in runs
    ]
    links = [
        " ".join(
            _link(f"{run['folder']}/{file}", name)
            for file, name in _RUN_FILES.items()
            if file in run["files"]
        )
        for run in runs
    ]
    head = ["method", "seed", *intervals.headings(), "training (s)", "files"]
    return table(head, rows, links)


def _link(target, text):
    return f'<a href="{html.escape(target)}">{html.escape(text)}</a>'


def table(head, rows, links=None):
    """Returns an HTML table.

    Args:
        head: List of str.
        rows: Lists of str, escaped here.
        links: One HTML text a row, its last cell; or None.
    """

    def line(cells, tag, last=""):
        inner = "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells)
        return f"<tr>{inner}{last}</tr>"

    ends = [f"<td>{link}</td>" for link in links] if links else [""] * len(rows)
    body = "".join(line(row, "td", end) for row, end in zip(rows, ends))
    return f"<table>{line(head, 'th')}{body}</table>"
