"""One self-contained HTML file of what a classifier does with its test images.

Left by each target training, as `report.html`, and by `tools.evaluate`.
"""

import base64
import html
import io
import string

import numpy as np
from PIL import Image

from mp_keras.evaluation import reliability as reliabilities
from pipeline.figures import reliability
from pipeline.figures import saving
from pipeline.report import judged_images
from pipeline.report import results_page
from pipeline.report import run_plots

_MISTAKES = 24
_CONFUSIONS = 10  # in the table
_STYLE = """\
.mistakes { display: grid; gap: 1rem;
            grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
.mistakes figure { margin: 0; } .mistakes img { width: 100%;
            image-rendering: pixelated; border: 1px solid #d0d7de; }
figcaption { font-size: .8rem; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
"""
_PAGE = string.Template(
    results_page.HEAD
    + """\
<p class="verdict">$verdict</p>
<p>$read</p>
$metrics
$metrics_note
<h2>Class by class</h2>
$classes
<p class="note">Of the images of a class, the share that was recognized; the
interval is the range in which it lies for other such images, 19 times out of 20
(Wilson).</p>
<h2>What is taken for what</h2>
$confusion
$confusions
<h2>Are the probabilities to be believed?</h2>
<p>Bars on the diagonal are calibrated: of the images predicted with 80 %
confidence, 80 % are right. Below it the classifier is too sure of itself. The
darker a bar, the more images.</p>
$reliability
<h2>The most confident mistakes</h2>
$mistakes
$curves
<h2>How it was made</h2>
$command
<p class="note">$made</p>
</body>
</html>
"""
)
_HEADINGS = {  # metric -> heading, unit, decimals, what is better
    "accuracy": ("accuracy", "%", 1, "higher"),
    "balanced_accuracy": ("balanced accuracy", "%", 1, "higher"),
    "macro_f1": ("macro F1", "%", 1, "higher"),
    "negative_log_likelihood": (
        "negative log-likelihood",
        "nats",
        3,
        "lower",
    ),
    "expected_calibration_error": ("calibration error", "%", 1, "lower"),
    "brier_score": ("Brier score", "0 to 2", 3, "lower"),
}


def render(title, judged, read, made, command=None, history=()):
    """Returns the page.

    Args:
        title: Str.
        judged: `JudgedImages`.
        read: Str, what was read.
        made: Str, how the classifier was made.
        command: Str to paste into a shell, or None where there was none.
        history: Logged windows of the training; () for none.
    """
    right = int(np.sum(judged.predicted == judged.labels))
    count = len(judged.labels)
    low, high = judged_images.interval(right, count)
    return _PAGE.substitute(
        title=html.escape(title),
        style=results_page.STYLE + _STYLE,
        verdict=f"{right:,} of {count:,} test images are recognized: "
        f"{100 * right / count:.1f} % (95 % interval {low:.1f} to "
        f"{high:.1f} %).",
        read=html.escape(read),
        metrics=_metrics(judged),
        metrics_note=_metrics_note(judged),
        classes=results_page.table(
            ["class", "test images", "recognized (%)", "95 % interval (%)"],
            [
                [name, f"{n:,}", f"{share:.1f}", f"{low:.1f} to {high:.1f}"]
                for name, n, share, low, high in judged.by_class()
            ],
        ),
        confusion=run_plots.confusion(judged.confusion(), judged.class_names),
        confusions=_confusions(judged),
        reliability=_reliability(judged),
        mistakes=_mistakes(judged),
        curves=_curves(history),
        command=f"<pre>{html.escape(command)}</pre>" if command else "",
        made=html.escape(made),
    )


def _metrics(judged):
    columns = {"": judged.probabilities}
    if judged.before is not None:
        columns = {
            "before the temperature": judged.before,
            "with it, as served": judged.probabilities,
        }
    found = [
        judged_images.metrics_of(probabilities, judged.labels)
        for probabilities in columns.values()
    ]
    rows = [
        [f"{heading} ({unit})"]
        + [f"{each[name]:.{decimals}f}" for each in found]
        + [f"{better} is better"]
        for name, (heading, unit, decimals, better) in _HEADINGS.items()
    ]
    return results_page.table(["", *columns, ""], rows)


def _metrics_note(judged):
    note = (
        "Balanced accuracy and macro F1 count every class alike, however many "
        "images it has."
    )
    if judged.before is not None:
        note += (
            " The temperature is one number by which the logits are divided: "
            "that of the best likelihood on the validation images, as if half "
            "an image more were wrong."
        )
    return f'<p class="note">{note}</p>'


def _confusions(judged):
    counts = judged.confusion()
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:_CONFUSIONS]
    names = judged.class_names
    rows = [
        [names[true], names[taken], str(counts[true, taken])]
        for true, taken in zip(*np.unravel_index(order, counts.shape))
        if counts[true, taken]
    ]
    if not rows:
        return "<p>Nothing was taken for anything else.</p>"
    return results_page.table(["images of", "taken for", "how often"], rows)


def _reliability(judged):
    parts = {"as served": judged.probabilities}
    if judged.before is not None:
        parts = {"before the temperature": judged.before, **parts}
    curves = {
        name: reliabilities.reliability_curve(probabilities, judged.labels)
        for name, probabilities in parts.items()
    }
    return saving.svg_element(reliability.draw({"test images": curves}))


def _mistakes(judged):
    figures = []
    for index in judged.mistakes(_MISTAKES):
        label, taken = judged.labels[index], judged.predicted[index]
        name = html.escape(judged.name_of(index))
        confidence = 100 * judged.probabilities[index, taken]
        figures.append(
            f'<figure><img src="{_png(judged.images[index])}" alt="{name}">'
            f"<figcaption><b>{html.escape(judged.class_names[label])}</b> "
            f"taken for <b>{html.escape(judged.class_names[taken])}</b>, "
            f"{confidence:.0f} % sure<br>{name}</figcaption></figure>"
        )
    if not figures:
        return "<p>There is none.</p>"
    return (
        '<p class="note">As the network sees them.</p>'
        f'<div class="mistakes">{"".join(figures)}</div>'
    )


def _png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    text = base64.b64encode(stream.getvalue()).decode()
    return f"data:image/png;base64,{text}"


def _curves(history):
    if not history:
        return ""
    return f"<h2>How it trained</h2>{run_plots.training(history)}"
