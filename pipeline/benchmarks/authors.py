"""The authors' code beside ours: a process that takes a step when told to."""

import contextlib
import json
import pathlib
import subprocess

_SCRIPT = pathlib.Path(__file__).with_name("authors_steps.py")
# By path, for its interpreter has nothing that our packages import.
_CODE = "import runpy, sys; runpy.run_path(sys.argv[1])['main'](*sys.argv[2:])"


@contextlib.contextmanager
def steps(checkout, python, **settings):
    """Yields functions that take one step of theirs and return its seconds.

    Args:
        checkout: Path-like of the authors' repository, or None: no functions.
        python: Path-like of an interpreter that has PyTorch.
        **settings: `network`, `image_size`, `batch_size`.

    Yields: dict: `plain` and `perturbed`, a step of target training; `meta`,
        one of meta-training of one task.
    Raises: FileNotFoundError, if there is no such interpreter;
        ChildProcessError, with its last line, if the process ends.
    """
    if checkout is None:
        yield {}
        return
    checkout = pathlib.Path(checkout).resolve()
    process = subprocess.Popen(
        [python, "-c", _CODE, _SCRIPT, checkout, json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def read():
        line = process.stdout.readline().strip()
        if line:
            return line
        lines = process.stderr.read().strip().splitlines() or ["no message"]
        raise ChildProcessError(f"The authors' code failed: {lines[-1]}")

    def step(name):
        process.stdin.write(f"{name}\n")
        process.stdin.flush()
        return float(read())

    try:
        read()  # it is ready
        yield {
            name: lambda name=name: step(name)
            for name in ("plain", "perturbed", "meta")
        }
    finally:
        process.kill()
        process.wait()
