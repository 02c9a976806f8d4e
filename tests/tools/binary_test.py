"""A user's mistakes: one line that says what to do, and exit code 1."""

import re
import resource

import pytest

from tests import squares
from tests.tools import processes
from tools import binary

_ONEDNN = "TF_ENABLE_ONEDNN_OPTS"

_META = "--config=configs/meta_train/glyphs.py"
_TARGET = "--config=configs/target/default.py"


def error_of(tool, *arguments):
    """Returns the one line in which a mistake ends."""
    code, output, errors = processes.run(tool, *arguments)
    lines = [line for line in errors.splitlines() if "Error" in line]
    assert (code, output, len(lines)) == (1, "", 1), errors
    assert errors.splitlines()[-1] == lines[0]
    assert "Traceback" not in errors
    return lines[0]


class ImportTest:
    """TensorFlow, put in its place here, that cannot be loaded."""

    @pytest.mark.parametrize(
        ("last", "message"),
        [
            ("raise ImportError('no such library')", "no such library"),
            ("os.abort()", "Fatal Python error: Aborted"),
        ],
    )
    def test_failure_is_shown(self, tmp_path, monkeypatch, last, message):
        (tmp_path / "tensorflow.py").write_text(
            f"import os\nos.write(2, b'cannot open it\\n')\n{last}\n"
        )
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        code, _, errors = processes.run("serve", f"--model_dir={tmp_path}")
        assert code != 0
        assert message in errors
        assert ("cannot open it" in errors) == ("ImportError" in errors)


def test_names_cannot_forge_a_line(tmp_path):
    name = "a\nError: forged\x1b[31m\u202e\udce9"
    line = error_of("serve", f"--model_dir={tmp_path / name}", "--port=0")
    assert f"{tmp_path}/a\\nError: forged\\x1b[31m\\u202e\\udce9 must" in line


def test_home_is_where_it_is_for_a_shell(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    line = error_of("serve", "--model_dir=~/none", "--port=0")
    assert f"Folder {tmp_path}/none must hold a SavedModel" in line


class KernelsTest:
    @pytest.mark.parametrize(
        ("machine", "before", "expected"),
        [("x86_64", None, "1"), ("x86_64", "0", "0"), ("aarch64", None, None)],
    )
    def test_onednn_is_asked_for_unless_the_environment_decides(
        self, monkeypatch, machine, before, expected
    ):
        environment = {} if before is None else {_ONEDNN: before}
        monkeypatch.setattr(binary.os, "environ", environment)
        monkeypatch.setattr(binary.platform, "machine", lambda: machine)
        monkeypatch.setattr(binary.app, "run", lambda *_, **__: None)
        binary.run(lambda: None)
        assert environment.get(_ONEDNN) == expected


class FlagsTest:
    """Mistakes that are found before TensorFlow is imported."""

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ([_META, "--config.batchsize=8"], "'batchsize'(.|\n)*batch_size"),
            ([_META, "--config.data.sorce=x"], '"source" instead of "sorce"'),
            ([_META, "--config.steps=many"], "steps"),
            ([f"{_META}:conv5"], "one of(.|\n)*resnet20(.|\n)*'conv5'"),
            ([f"{_META}:conv4,smokey"], "NETWORK(.|\n)*'conv4,smokey'"),
            (["--config=configs/none.py"], "a file that does not exist"),
            ([], "--config must"),
            ([_META, "more"], r"unknown arguments \['more'\]"),
            ([_META, "--steps=20"], "Did you mean --config.steps=20?"),
            ([_META, "--steps", "20"], "Did you mean --config.steps=20?"),
            ([_META, "--source=npz:x"], "mean --config.data.source=npz:x?"),
            ([_META, "--data.seed=1"], "mean --config.data.seed=1?"),
            ([_META, "steps=20"], "Did you mean --config.steps=20?"),
            ([_META, "--stepz"], "Did you mean --config.steps=VALUE?"),
            ([_META, "--nonsense=1"], "Unknown command line flag 'nonsense'"),
            (["--steps=20"], "Unknown command line flag 'steps'"),
        ],
    )
    def test_wrong_config(self, tmp_path, config, message):
        line = error_of("meta_train", *config, f"--workdir={tmp_path / 'run'}")
        assert re.search(message, line)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (["steps=-1"], "`steps` must be an integer from 0"),
            (["method=metaperturb"], "`method` must be one of"),
            (["network=resnet21"], "Did you mean 'resnet"),
            (["phi=glyph_conv4"], "Did you mean 'glyphs_conv4'?"),
            (["phi=HERE"], "HERE must be a SavedModel written by"),
            (["data.source=HERE"], "Did you mean folder:HERE?"),
            (["data.source=folder:HERE/a"], "Did you mean folder:HERE?"),
            (
                ["data.source=folder:HERE", "batch_size=5"],
                "`batch_size` must be at most 2, the training images",
            ),
        ],
    )
    def test_wrong_value_or_folder(self, tmp_path, values, message):
        for name in "ab":
            (tmp_path / name).mkdir()
            for index in range(3):
                (tmp_path / name / f"{index}.png").touch()
        place = str(tmp_path)
        before = _seconds_of_processes()
        line = error_of(
            "train_target",
            _TARGET,
            *(f"--config.{v}".replace("HERE", place) for v in values),
            f"--workdir={tmp_path / 'run'}",
        )
        assert message.replace("HERE", place) in line
        # A part of what the import of TensorFlow takes.
        assert _seconds_of_processes() - before < 3
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("order", [1, -1])
    def test_help_has_the_keys_of_the_config(self, order):
        arguments = [f"{_TARGET}:conv4", "--help"][::order]
        code, output, errors = processes.run("train_target", *arguments)
        assert (code, errors) == (0, "")
        lines = output.splitlines()
        steps = lines.index("  --config.steps=10000")
        assert lines[steps + 1].strip().startswith("of training, a batch each")
        assert "  --config.network=conv4" in lines
        beta = lines.index("  --config.information_dropout.beta=0.0001")
        assert lines[beta + 1].strip() == "weight of the information term"
        assert any(line.startswith("  --workdir: ") for line in lines)

    def test_help_follows_configs_made_from_others(self):
        config = "--config=configs/target/source_classifier.py"
        output = processes.succeed("train_target", config, "--help")
        lines = output.splitlines()
        fraction = lines.index("  --config.data.validation_fraction=0.0")
        assert lines[fraction + 1].strip() == "all images, as the paper"
        assert "added to the gradient, of every weight" in output

    def test_help_without_a_config_says_how_to_see_its_keys(self):
        output = processes.succeed("few_shot", "--help")
        assert "--help with --config=FILE.py lists the keys" in output

    def test_workdir_is_required(self):
        assert "--workdir" in error_of("train_target", _TARGET)


class DataTest:
    def test_bad_npz(self, tmp_path):
        path = tmp_path / "squares.npz"
        squares.write_npz(path)
        path.write_bytes(path.read_bytes()[:5000])
        line = error_of(
            "meta_train",
            f"{_META}:conv4,smoke",
            f"--config.data.source=npz:{path}",
            f"--workdir={tmp_path / 'run'}",
        )
        assert "must be a complete npz file" in line
        assert str(path) in line


class RunTest:
    def test_origin_is_shown_if_asked_for(self, tmp_path):
        arguments = "evaluate", f"--workdir={tmp_path}"
        assert error_of(*arguments).endswith(processes.HINT)
        _, _, errors = processes.run(*arguments, "--verbosity=1")
        assert "Traceback" in errors
        assert "shows where" not in errors

    def test_own_config_without_a_key(self, source, tmp_path):
        (tmp_path / "own.py").write_text(
            "from configs.meta_train import glyphs\n\n\n"
            "def get_config():\n"
            "    config = glyphs.get_config('conv4')\n"
            "    del config.task_split\n"
            "    return config\n",
            encoding="utf-8",
        )
        line = error_of(
            "meta_train",
            f"--config={tmp_path / 'own.py'}",
            f"--config.data.source={source}",
            f"--workdir={tmp_path / 'run'}",
        )
        assert "must have the key 'task_split'" in line

    def test_workdir_of_another_config(self, meta_run, meta_arguments):
        before = {
            file.name: file.read_bytes()
            for file in meta_run.iterdir()
            if file.is_file()
        }
        line = error_of(
            *meta_arguments, "--config.seed=1", f"--workdir={meta_run}"
        )
        assert "seed=0" in line and "seed=1" in line
        assert "workdir" in line
        for name, content in before.items():
            assert (meta_run / name).read_bytes() == content


def _seconds_of_processes():
    """Returns the processor's seconds of all processes that ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
