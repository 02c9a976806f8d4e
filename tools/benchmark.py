r"""Measures speed and memory, and prints the tables of docs/performance.md.

    python -m tools.benchmark --output=FILE.json [--against=DIR]

Nothing else should run on the machine meanwhile. `--only=PART,...` measures
some parts; configs/benchmark/default.py lists them. `--against` runs the
authors' PyTorch code, a checkout of their repository at DIR, on the same work.
With limits (`--config=configs/benchmark/default.py:check`) it fails where a
ratio exceeds its limit.
"""

import pathlib

from absl import flags
from ml_collections import config_flags

from tools import binary

_CONFIG = config_flags.DEFINE_config_file(
    "config",
    "configs/benchmark/default.py",
    help_string="What is measured; FILE.py or FILE.py:ARGUMENT.",
    lock_config=True,
)
_OUTPUT = flags.DEFINE_string("output", None, "JSON file to write.")
_ONLY = flags.DEFINE_list("only", [], "Parts to measure; all, if empty.")
_AGAINST = flags.DEFINE_string(
    "against", None, "Checkout of the authors' repository."
)
_TORCH_PYTHON = flags.DEFINE_string(
    "torch_python",
    ".venv-torch/bin/python",
    "Interpreter with PyTorch, for --against; `make test-torch` makes one.",
)
_JAX_PYTHON = flags.DEFINE_string(
    "jax_python",
    None,
    "Interpreter with JAX (`make test-jax` makes one), to measure there too.",
)
_PAGE = flags.DEFINE_string("page", None, "Markdown page to fill, if any.")


def main():
    from mp_keras import files
    from pipeline.benchmarks import measured_page
    from pipeline.benchmarks import runner
    from pipeline.benchmarks import tables
    from pipeline.runs import runtime

    if not _OUTPUT.value:
        raise ValueError("Flag --output must name a file. Received: none")
    if _PAGE.value:
        measured_page.check(_PAGE.value, tables.TOOL)
    config = _CONFIG.value.to_dict()
    results = {"machine": runtime.machine()}
    parts = _chosen(config["parts"])
    results |= runner.measure(
        parts,
        against=_AGAINST.value,
        torch_python=_TORCH_PYTHON.value,
        jax_python=_JAX_PYTHON.value or "",
    )
    path = pathlib.Path(_OUTPUT.value)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_json(path, results)
    text = tables.tables(results)
    if _PAGE.value:
        measured_page.write(_PAGE.value, tables.TOOL, text)
    print(text)
    limits = {
        path: limit
        for path, limit in config["limits"].items()
        if path.split("/")[0] in parts
    }
    slow = runner.exceeded(results, limits)
    if slow:
        raise ValueError(f"Ratios must be within {_CONFIG.name}. {slow}")


def _chosen(parts):
    unknown = set(_ONLY.value) - set(parts)
    if unknown:
        raise ValueError(
            f"Flag --only must name parts of {list(parts)}. "
            f"Received: {sorted(unknown)}"
        )
    return {
        name: settings
        for name, settings in parts.items()
        if not _ONLY.value or name in _ONLY.value
    }


if __name__ == "__main__":
    binary.run(main)
