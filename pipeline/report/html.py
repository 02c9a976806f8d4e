"""One self-contained HTML file of a pipeline's results."""

import html
import json
import pathlib
import string

import keras

import mp_keras
from mp_keras import files
from pipeline.figures import method_styles
from pipeline.report import plots
from pipeline.report import statistics

_PAGE = string.Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>What φ brought: $data</title>
<style>
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
</style>
</head>
<body>
<h1>What φ brought: $data</h1>
<p class="verdict">$verdict</p>
<p>Base is the plain network. MetaPerturb is the same network with φ: a small
function, learned on other images, that perturbs its features.</p>
$summary
<p class="note">$network, $steps steps, $training training images,
$validation for validation, $test for the test; $samples noise samples a
prediction. Mean ± 95&nbsp;% interval over seeds (Student's t).</p>
$figures
<h2>Every run</h2>
$runs
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


def render(result, probabilities, data, meta_run, config):
    """Returns the page.

    Args:
        result: Dict of the Evaluator.
        probabilities: One array `(examples, classes)` a run, of the test part.
        data: `ImageData` of the target.
        meta_run: Path of the MetaTrainer's folder.
        config: Config of `configs/target/`.
    """
    runs = result["runs"]
    histories = [_history(pathlib.Path(run["folder"])) for run in runs]
    meta_result = files.read_json(meta_run / "result.json")
    return _PAGE.substitute(
        data=html.escape(result["data"]),
        verdict=html.escape(statistics.verdict(result["gains"])),
        summary=_summary_table(result),
        network=html.escape(runs[0]["network"]),
        steps=runs[0]["steps"],
        samples=result["samples"],
        **result["examples"],
        figures=plots.figures_by_method(runs),
        runs=_runs_table(runs),
        reliability=plots.reliability_by_method(
            probabilities, data.test_labels, runs
        ),
        convergence=plots.convergence(histories, runs),
        meta_note=html.escape(_meta_note(meta_result)),
        meta_training=plots.meta_training(_history(meta_run)),
        positions=_positions(runs, data.test_images[:1]),
        config=html.escape(json.dumps(config.to_dict(), indent=2)),
    )


def _history(folder):
    """Returns the windows of a run; a deep ensemble has none of its own."""
    if not (folder / "history.jsonl").exists():
        return []
    text = (folder / "history.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _positions(runs, images):
    """Shows φ inside the first run that has one, on the first image."""
    for run in runs:
        if run["method"] == "meta_perturb":
            path = pathlib.Path(run["folder"]) / "model.keras"
            model = keras.saving.load_model(path)
            views = mp_keras.inspect_positions(
                model, mp_keras.normalize(images)
            )
            network = f"{run['network']}, seed {run['seed']}"
            return _POSITIONS.substitute(
                network=html.escape(network),
                feature_maps=plots.maps_of_positions(views, images[0]),
                scales=plots.scales_of_positions(views, network),
            )
    return ""


def _meta_note(result):
    return (
        f"{result['network']} on {result['data']}: {result['tasks']} tasks, "
        f"{result['steps']} steps of {result['batch_size']} images, "
        f"{result['seconds']:.0f} seconds."
    )


def _summary_table(result):
    summary, gains = result["summary"], result["gains"]
    rows = [
        [method_styles.style_of(method).label]
        + [
            statistics.format_interval(numbers[name], decimals)
            for name, (_, _, decimals, _) in statistics.FIGURES.items()
        ]
        for method, numbers in summary.items()
    ]
    if gains:
        rows.append(
            ["gain, seed by seed (positive: φ is better)"]
            + [
                statistics.format_interval(gains[name], decimals, sign="+")
                for name, (_, _, decimals, _) in statistics.FIGURES.items()
            ]
        )
    return _table(
        ["", *(f"{h} ({u})" for h, u, _, _ in statistics.FIGURES.values())],
        rows,
    )


def _runs_table(runs):
    rows = [
        [
            method_styles.style_of(run["method"]).label,
            str(run["seed"]),
            *(
                f"{run['test'][name]:.{decimals}f}"
                for name, (_, _, decimals, _) in statistics.FIGURES.items()
            ),
            f"{run['seconds']:.0f}",
        ]
        for run in runs
    ]
    headings = [f"{h} ({u})" for h, u, _, _ in statistics.FIGURES.values()]
    return _table(["method", "seed", *headings, "training (s)"], rows)


def _table(head, rows):
    def line(cells, tag):
        inner = "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells)
        return f"<tr>{inner}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table>{line(head, 'th')}{body}</table>"
