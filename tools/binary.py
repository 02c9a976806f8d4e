"""What the binaries share: flags, devices, one line for a user's mistake."""

import faulthandler
import os
import pathlib
import platform
import shlex
import sys
import tempfile

import ml_collections
from absl import app
from absl import flags
from absl import logging
from ml_collections import config_flags

from tools import config_help

# What TensorFlow Datasets and Keras say of their own code, at every use.
_OF_NO_USE = ("FeatureConnector.dtype", "triggered tf.function retracing")
_HELP = {"--help", "-help", "--h", "-h", "--helpshort", "-helpshort", "-?"}
_HINT = "(--verbosity=1 shows where it came from)"
_MISTAKES = (
    ValueError,
    FloatingPointError,
    # A file or a folder, a full disk, a store of artifacts, a stage of the
    # pipeline that failed and says why.
    OSError,
)


class RunFlags:
    """`--config`, `--workdir` and `--data_dir`, as every run has them.

    Args:
        config_required: Bool, default True.

    Attributes, known after the flags are parsed: `config`, a locked
        `ConfigDict` or None; `workdir`; `data_dir`, a path or None.
    """

    def __init__(self, config_required=True):
        self._config = config_flags.DEFINE_config_file(
            "config",
            help_string="Config file, as FILE.py or FILE.py:ARGUMENT; single "
            "values as --config.KEY=VALUE.",
            lock_config=True,
        )
        self._workdir = flags.DEFINE_string(
            "workdir",
            None,
            "Folder of this run; the same command resumes it.",
            required=True,
        )
        self._data_dir = flags.DEFINE_string(
            "data_dir",
            None,
            "Where TensorFlow Datasets keeps prepared data; its own default "
            "if unset.",
        )
        if config_required:
            flags.mark_flag_as_required("config")

    @property
    def config(self):
        config = self._config.value
        # A file that is not there gives an object which fails when it is used.
        if config is not None and not isinstance(
            config, ml_collections.ConfigDict
        ):
            raise FileNotFoundError(
                "Flag --config must name a config file, as FILE.py or "
                "FILE.py:ARGUMENT. Received: a file that does not exist"
            )
        return config

    def check(self):
        """Refuses a wrong config or folder of images before the long imports.

        Raises: As `early_checks.check`.
        """
        from pipeline.trainings import early_checks

        if self.config is not None:
            early_checks.check(self.config, self.workdir)

    @property
    def workdir(self):
        return self._workdir.value

    @property
    def data_dir(self):
        return self._data_dir.value


def command():
    """Returns this process' command line, to paste into a shell."""
    module = f"tools.{pathlib.Path(sys.argv[0]).stem}"
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def run(main, check=None):
    """Runs `main()`; a user's mistake ends in one line and exit code 1.

    Args:
        main: Function without arguments.
        check: Function without arguments that finds what can be found before
            TensorFlow is imported, or None.
    """

    def guarded(argv):
        if len(argv) > 1:
            name, _, value = argv[1].partition("=")
            hint = config_help.meant(name, value, config_help.load(sys.argv)[0])
            _fail(f"unknown arguments {argv[1:]}.{hint}")
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)
        logging.get_absl_handler().addFilter(_prepare_log_line)
        try:
            if check is not None:
                check()
            _import_tensorflow()
            main()
        except _MISTAKES as error:
            logging.debug("where it came from", exc_info=True)
            _fail(error if _shows_origins() else f"{error} {_HINT}")
        except AttributeError as error:
            if not isinstance(error.obj, ml_collections.ConfigDict):
                raise
            _fail(f"--config must have the key {error.name!r}; it is missing")

    # Before TensorFlow.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if platform.machine() == "x86_64":
        # By itself TensorFlow uses it on newer processors alone, and on others
        # takes twice the time for a training step (docs/performance.md).
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    app.run(guarded, flags_parser=_parse)


def _prepare_log_line(record):
    """Escapes what does not print; returns whether the line is shown."""
    text = record.getMessage()
    record.msg, record.args = _shown(text), ()
    return not any(words in text for words in _OF_NO_USE)


def _shows_origins():
    return logging.get_verbosity() >= logging.DEBUG


def _import_tensorflow():
    """Imports TensorFlow without what its libraries write while they load.

    If they do not, all that they wrote is shown; a crash of the process, which
    leaves no time for that, says at least in which import it was.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    faulthandler.enable(kept)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            faulthandler.disable()
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def _parse(argv):
    """Parses the flags; an unknown or mistyped config key is a mistake too."""
    if _HELP & set(argv):
        _show_help(argv)
        sys.exit(0)
    try:
        rest = flags.FLAGS(argv)
        _expand_home()
        return rest
    except flags.UnrecognizedFlagError as error:
        config, _ = config_help.load(argv)
        value = config_help.value_of(error.flagname, argv)
        hint = config_help.meant(error.flagname, value, config)
        _fail(f"unknown flag --{error.flagname}.{hint}" if hint else error)
    except flags.Error as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        # A config file's own error comes with its traceback: keep its end.
        _fail(lines[0] if len(lines) == 1 else f"{lines[0]} {lines[-1]}")
    except (AttributeError, KeyError, TypeError) as error:
        while error.args and isinstance(error.args[0], Exception):
            error = error.args[0]
        _fail("--config has no such key: " + " ".join(error.args[0].split()))


def _expand_home():
    """Replaces the ~ that begins a flag's value: a shell leaves it there."""
    for name in flags.FLAGS:
        flag = flags.FLAGS[name]
        if isinstance(flag.value, str) and flag.value.startswith("~"):
            flag.value = os.path.expanduser(flag.value)


def _show_help(argv):
    """Prints what the binary does, its flags, and the keys of its config."""
    print(sys.modules["__main__"].__doc__.strip())
    print(f"\nflags:\n{flags.FLAGS.main_module_help()}")
    if "config" not in flags.FLAGS:
        return
    config, file = config_help.load(argv)
    if config is None:
        print("\n--help with --config=FILE.py lists the keys of that config.")
    else:
        print(f"\nkeys of {file}:\n{config_help.describe(config, file)}")


def _fail(error):
    print(f"Error: {_shown(error)}", file=sys.stderr)
    sys.exit(1)


def _shown(value):
    """Returns a text on one line, as `mp_keras.error_texts.shown`.

    That one comes with Keras, for which a wrong flag should not wait.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in str(value)
    )
