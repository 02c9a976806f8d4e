"""Watches the file operations of a process, and kills it at some of them.

Each operation of Python or of TensorFlow's Python layer on a folder gets a
name, the same in every run: what is done, to which file, how many windows the
run had logged, and how many files and folders it had finished. An operation is
announced before it happens, so that a process that dies there leaves the files
as the operation before left them; a file that is opened for writing is
announced once more when it is empty.
"""

import builtins
import contextlib
import functools
import io
import os
import re
import signal

_RANDOM = (
    (re.compile(r"(\.partial-(?:[^/ ]*-)?)[a-z0-9_]{8}(?=[. /-]|$)"), r"\1*"),
    (re.compile(r"(tfevents\.)[^/]*"), r"\1*"),
    (re.compile(r"(\.kfp_cache_)[^/]*"), r"\1*"),
    (re.compile(r"[0-9a-f]{16,}"), "*"),
    (re.compile(r"\d{4}(-\d\d){5}-\d+"), "*"),  # when a pipeline began
)
_BY_PATH = ("mkdir", "rename", "replace", "unlink", "remove", "rmdir", "chmod")
_BY_NUMBER = ("fsync", "sendfile", "ftruncate")
# Operations that free space, or are no operations.
NEEDS_NO_ROOM = (
    "unlink",
    "remove",
    "rmdir",
    "delete_file_v2",
    "wrote checkpoint",
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Watch:
    """Names each operation on a folder, notes it, and may die at it.

    Args:
        root: Str, the folder.
        log: Str, file that each name is added to.
        deadly: Set of the names at which this process, and its group, is
            killed.
        groups: Bool: kill the process group instead of this process.
        problem: Number of the error that the disk gives from there on,
            instead of the death; or None.
    """

    def __init__(self, root, log, deadly=(), groups=False, problem=None):
        self._root = root
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._deadly = deadly
        self._groups = groups
        self._problem = problem
        self._failing = False
        self._open = os.open  # before it is replaced
        self._listdir = os.listdir

    def install(self):
        """Replaces the functions of this process that change files."""
        for name in _BY_PATH:
            setattr(os, name, self._by_path(name, getattr(os, name)))
        for name in _BY_NUMBER:
            setattr(os, name, self._by_number(name, getattr(os, name)))
        os.open = self._low_open(os.open)
        builtins.open = io.open = self._high_open(io.open)
        self._install_in_tensorflow()

    def announce(self, operation, *paths):
        """Notes an operation that is about to happen, and may die first."""
        paths = [os.path.abspath(os.fsdecode(path)) for path in paths]
        if not paths[0].startswith(f"{self._root}/"):
            return
        name = self._name(operation, paths)
        with contextlib.suppress(OSError):  # if no file may grow
            os.write(self._log, f"{name}\n".encode())
        if self._problem is not None:
            self._fail(operation, name, paths[-1])
        elif name in self._deadly:
            pid = os.getpid()
            if self._groups:
                os.killpg(os.getpgid(pid), signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)

    def _fail(self, operation, name, path):
        """Fails as a disk that is full, or must not be written, would."""
        self._failing = self._failing or name in self._deadly
        if not self._failing or operation.endswith(NEEDS_NO_ROOM):
            return
        if operation == "write checkpoint":
            raise self._failed_write(os.strerror(self._problem))
        raise OSError(self._problem, os.strerror(self._problem), path)

    def _name(self, operation, paths):
        text = " to ".join(
            path.removeprefix(f"{self._root}/") for path in paths
        )
        for pattern, replacement in _RANDOM:
            text = pattern.sub(replacement, text)
        entries = self._listdir(self._root)
        finished = [name for name in entries if not name.startswith(".")]
        return (
            f"{operation} {text} after window {self._windows()} with "
            f"{len(finished)} files"
        )

    def _windows(self):
        try:
            handle = self._open(f"{self._root}/history.jsonl", os.O_RDONLY)
        except OSError:
            return 0
        content = os.read(handle, 1 << 20)
        os.close(handle)
        return content.count(b"\n")

    def _by_path(self, name, function):
        both = name in ("rename", "replace", "tf.rename_v2")

        @functools.wraps(function)
        def watched(path, *arguments, dir_fd=None, **options):
            place = path if dir_fd is None else f"{_path_of(dir_fd)}/{path}"
            if not isinstance(place, int):
                self.announce(name, place, *arguments[:both])
            if dir_fd is not None:
                options["dir_fd"] = dir_fd
            return function(path, *arguments, **options)

        return watched

    def _by_number(self, name, function):
        @functools.wraps(function)
        def watched(handle, *arguments, **options):
            self.announce(name, _path_of(handle))
            return function(handle, *arguments, **options)

        return watched

    def _low_open(self, function):
        @functools.wraps(function)
        def watched(path, flags, *arguments, **options):
            if not flags & _WRITES or isinstance(path, int):
                return function(path, flags, *arguments, **options)
            self.announce("open", path)
            handle = function(path, flags, *arguments, **options)
            self.announce("opened", path)
            return handle

        return watched

    def _high_open(self, function):
        @functools.wraps(function)
        def watched(file, mode="r", *arguments, **options):
            if isinstance(file, int) or not set(mode) & set("wax+"):
                return function(file, mode, *arguments, **options)
            self.announce("open", file)
            opened = function(file, mode, *arguments, **options)
            self.announce("opened", file)
            return opened

        return watched

    def _install_in_tensorflow(self):
        """What TensorFlow does in C++ is seen where Python asks for it."""
        import tensorflow as tf
        from tensorflow.python.lib.io import file_io

        for name in (
            "atomic_write_string_to_file",
            "recursive_create_dir_v2",
            "rename_v2",
            "delete_file_v2",
        ):
            function = getattr(file_io, name)
            setattr(file_io, name, self._by_path(f"tf.{name}", function))
        self._failed_write = functools.partial(
            tf.errors.ResourceExhaustedError, None, None
        )
        write = tf.train.Checkpoint.write

        def watched_write(checkpoint, file_prefix, options=None):
            self.announce("write checkpoint", file_prefix)
            written = write(checkpoint, file_prefix, options)
            self.announce("wrote checkpoint", file_prefix)
            return written

        tf.train.Checkpoint.write = watched_write


def _path_of(handle):
    try:
        return os.readlink(f"/proc/self/fd/{int(handle)}")
    except (OSError, TypeError, ValueError):
        return "/unknown"
