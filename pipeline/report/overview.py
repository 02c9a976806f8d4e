"""The first page of a pipeline with several targets."""

import html
import string

from pipeline import intervals
from pipeline.report import results_page as page

_PAGE = string.Template(
    page.HEAD
    + """\
<p>$count targets. Mean ± 95&nbsp;% interval over seeds (Student's t), on test
images that no choice has seen. <a href="results.csv">Every run as CSV</a>.</p>
$sections
</body>
</html>
"""
)
_SECTION = string.Template("""\
<h2><a href="$label.html">$label</a></h2>
<p>$data, $network, $steps steps, $training training images.</p>
$table
<p class="verdict">$verdict</p>
""")


def render(evaluations, title):
    """Returns the page.

    Args:
        evaluations: Dict from label to the Evaluator's dict.
        title: Str.
    """
    return _PAGE.substitute(
        title=html.escape(title),
        style=page.STYLE,
        count=len(evaluations),
        sections="".join(map(_section, evaluations.values())),
    )


def _section(evaluation):
    first = evaluation["runs"][0]
    rows = page.summary_rows(evaluation["summary"])
    return _SECTION.substitute(
        label=evaluation["label"],
        data=html.escape(evaluation["data"]),
        network=html.escape(first["network"]),
        steps=first["steps"],
        training=evaluation["examples"]["training"],
        table=page.table(["", *intervals.headings()], rows),
        verdict=html.escape(intervals.verdict(evaluation["gains"])),
    )
