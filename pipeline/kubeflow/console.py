"""The part of the engine's output that a person wants to see.

Everything goes to a log file; the terminal gets one line for the start and the
end of each stage, the trainings' progress lines, and errors.
"""

import io
import re
import threading

from mp_keras import error_texts

_COLORS = re.compile(r"\x1b\[\d+m")
_STARTED = re.compile(r"INFO - Executing task '([\w-]+)'")
_REUSED = re.compile(r"INFO - Task ([\w-]+) cache hit")
_FAILED = re.compile(r"Task '([\w-]+)' finished with status FAILURE")
_PROGRESS = re.compile(r"^\s*(\S.*\d%\|.*step.*)$")
_CULPRIT = re.compile(r"Inner task failed: '([\w-]+)'")
_ERROR = re.compile(r"^\s*((\w+\.)*\w*(Error|Exception): .*)$")


class Console(io.TextIOBase):
    """A stream that logs every line and shows the telling ones.

    Args:
        log: Text file, open for writing.
        terminal: Text stream of the person.

    Attributes: `stages_run`, how many stages were not reused; `error`, the
        last line that names an exception, or None.
    """

    def __init__(self, log, terminal):
        self._log = log
        self._terminal = terminal
        self._rest = ""
        self._lock = threading.Lock()  # trainings run two at a time
        self.stages_run = 0
        self.error = None

    def write(self, text):
        with self._lock:
            self._log.write(_COLORS.sub("", text))
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._read(_COLORS.sub("", line))
        return len(text)

    def flush(self):
        self._log.flush()

    def _read(self, line):
        self.stages_run += bool(_STARTED.search(line))
        error = _ERROR.search(line)
        if error:
            self.error = error_texts.shown(error.group(1))
        shown = describe(line)
        if shown:
            self._terminal.write(shown + "\n")
            self._terminal.flush()


def describe(line):
    """Returns what the terminal shows for a line of the log, or None.

    Args:
        line: Str without line end, colour codes allowed.
    """
    line = _COLORS.sub("", line)
    for pattern, form in (
        (_STARTED, "[{}]"),
        (_REUSED, "    {}: done before, reused"),
        (_FAILED, "    {} failed"),
        (_PROGRESS, "    {}"),
        (_ERROR, "    {}"),
    ):
        match = pattern.search(line)
        if match:
            return form.format(error_texts.shown(match.group(1)))
    return None


def failed_stage(message):
    """Returns the stage that the engine's last error blames, or None."""
    match = _CULPRIT.search(_COLORS.sub("", message))
    return match and match.group(1)
