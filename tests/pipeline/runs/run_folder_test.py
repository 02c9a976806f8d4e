"""A run's folder: whose it is, its history, its end."""

import json
import os
import pathlib
import subprocess
import sys
import types

import pytest

from pipeline.runs import run_folder
from pipeline.storage import artifact_store
from pipeline.workers import cluster as cluster_module

CONFIG = {"seed": 0, "drops": (0.4, 0.7), "data": {"source": "a", "seed": 1}}


@pytest.fixture
def folder(tmp_path):
    folder = run_folder.RunFolder(tmp_path / "runs" / "first", CONFIG)
    folder.start()
    return folder


class ConfigTest:
    def test_is_written_by_start_alone(self, tmp_path):
        folder = run_folder.RunFolder(tmp_path / "run", CONFIG)
        assert not list(tmp_path.iterdir())
        folder.start()
        stored = json.loads((tmp_path / "run" / "config.json").read_text())
        assert stored == {**CONFIG, "drops": [0.4, 0.7]}

    def test_same_config_resumes(self, folder):
        again = run_folder.RunFolder(folder.path, CONFIG)
        again.start()
        assert again.history() == []

    @pytest.mark.parametrize(
        ("config", "message"),
        [
            ({**CONFIG, "seed": 3}, "seed=0(.|\n)*Received: seed=3"),
            (
                {**CONFIG, "data": {"source": "b", "seed": 1}},
                "data.source='a'(.|\n)*Received: data.source='b'",
            ),
            ({**CONFIG, "more": 1}, "more='nothing'(.|\n)*Received: more=1"),
            (
                {"seed": 0, "data": CONFIG["data"]},
                r"drops=\[0.4, 0.7\](.|\n)*Received: drops='nothing'",
            ),
        ],
    )
    def test_another_config_is_refused_with_the_key(
        self, folder, config, message
    ):
        with pytest.raises(ValueError, match=f"first holds a run.*{message}"):
            run_folder.RunFolder(folder.path, config)


class HistoryTest:
    def test_windows_come_back_in_order(self, folder):
        windows = [{"step": 2, "loss": 0.5}, {"step": 4, "loss": 1 / 3}]
        for window in windows:
            folder.append(window)
        assert folder.history() == windows

    def test_part_of_an_export_makes_room(self, folder):
        whole, part = folder.path / "phi", folder.path / "saved_model"
        for path in (whole, part):
            (path / "variables").mkdir(parents=True)
        (whole / "saved_model.pb").write_text("")
        assert folder.export("phi") == whole and whole.exists()
        assert folder.export("saved_model") == part and not part.exists()

    @pytest.mark.parametrize(("step", "kept"), [(0, 0), (3, 1), (4, 2), (9, 3)])
    def test_rewind_forgets_what_came_after(self, folder, step, kept):
        windows = [{"step": step} for step in (2, 4, 6)]
        for window in windows:
            folder.append(window)
        folder.rewind(step)
        assert folder.history() == windows[:kept]

    def test_rewind_drops_a_line_that_was_being_written(self, folder):
        folder.append({"step": 2})
        folder.append({"step": 4})
        file = folder.path / "history.jsonl"
        file.write_text(file.read_text()[:-4])
        folder.rewind(4)
        assert folder.history() == [{"step": 2}]
        folder.append({"step": 4})
        assert folder.history() == [{"step": 2}, {"step": 4}]

    def test_rewind_without_a_history(self, folder):
        folder.rewind(0)
        assert folder.history() == []


class SecondsTest:
    def test_are_kept_for_the_next_process(self, folder):
        assert folder.seconds() == 0
        folder.spend(12.34)
        again = run_folder.RunFolder(folder.path, CONFIG)
        assert again.seconds() == 12.3


class ResultTest:
    def test_is_there_once_the_run_is_finished(self, folder):
        assert folder.result() is None
        folder.finish({"accuracy": 61.5})
        assert folder.result() == {"accuracy": 61.5}
        assert run_folder.RunFolder(folder.path, CONFIG).result()


class LockTest:
    def test_another_process_is_kept_out(self, tmp_path):
        folder = run_folder.RunFolder(tmp_path, {"a": 1})
        folder.start()
        code = (
            "import sys; from pipeline.runs import run_folder;"
            f"run_folder.RunFolder({str(tmp_path)!r}, {{'a': 1}}).start()"
        )
        root = pathlib.Path(run_folder.__file__).parents[2]
        command = [sys.executable, "-c", code]
        kept_out = subprocess.run(
            command, cwd=root, capture_output=True, text=True
        )
        assert kept_out.returncode == 1
        assert f"process {os.getpid()} trains in" in kept_out.stderr
        again = run_folder.RunFolder(tmp_path, {"a": 1})
        again.start()  # the same process resumes

    def test_lock_ends_with_its_process(self, tmp_path):
        code = (
            "from pipeline.runs import run_folder;"
            f"run_folder.RunFolder({str(tmp_path)!r}, {{'a': 1}}).start()"
        )
        root = pathlib.Path(run_folder.__file__).parents[2]
        subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
        run_folder.RunFolder(tmp_path, {"a": 1}).start()


class PlacesTest:
    def test_another_place_of_the_data_is_the_same_run(self, tmp_path):
        config = {"data": {"manual_dir": "/a"}, "steps": 1}
        run_folder.RunFolder(tmp_path, config).start()
        config["data"]["manual_dir"] = "/b"
        run_folder.RunFolder(tmp_path, config).start()


class StoreTest:
    """A folder by URI, worked on in a copy."""

    @pytest.fixture
    def uri(self, request):
        return f"memory://{request.node.originalname}/run"

    def test_publish_carries_over_what_there_is(self, uri):
        folder = run_folder.RunFolder(uri, CONFIG)
        folder.start()
        folder.append({"step": 1})
        assert artifact_store.names_in(uri) == ["lease.json"]
        folder.publish()
        names = artifact_store.names_in(uri)
        assert names == ["config.json", "history.jsonl", "lease.json"]
        again = run_folder.RunFolder(uri, CONFIG)
        assert again.history() == [{"step": 1}]

    def test_finish_publishes(self, uri):
        folder = run_folder.RunFolder(uri, CONFIG)
        folder.start()
        folder.finish({"accuracy": 1.0})
        assert run_folder.RunFolder(uri, CONFIG).result() == {"accuracy": 1.0}

    def test_another_config_names_the_uri(self, uri):
        folder = run_folder.RunFolder(uri, CONFIG)
        folder.start()
        folder.publish()
        with pytest.raises(ValueError, match=f"Folder {uri} holds a run with"):
            run_folder.RunFolder(uri, {**CONFIG, "seed": 3})

    def test_places_that_cannot_be_used_raise(self, uri):
        workers = types.SimpleNamespace(size=2, name="worker 1", is_chief=False)
        with pytest.raises(ValueError, match="a folder that all of them can"):
            run_folder.RunFolder(uri, CONFIG, workers)
        with pytest.raises(ConnectionError, match="Store nowhere://x must be"):
            run_folder.RunFolder("nowhere://x", CONFIG)


class WorkersTest:
    @pytest.fixture
    def folders(self, tmp_path):
        names, addresses = ("worker 0", "worker 1"), ("a:1", "a:2")
        return [
            run_folder.RunFolder(
                tmp_path,
                CONFIG,
                cluster_module.Cluster(names, addresses, number),
            )
            for number in (0, 1)
        ]

    def test_chief_alone_writes(self, folders, tmp_path):
        chief, other = folders
        other.start()
        other.append({"step": 2})
        other.spend(5.0)
        assert [path.name for path in tmp_path.iterdir()] == ["lock.worker_1"]
        chief.start()
        chief.append({"step": 2})
        other.rewind(0)
        assert other.history() == [{"step": 2}]
        other.finish({"accuracy": 0.0})
        assert other.result() is None
        chief.finish({"accuracy": 61.5})
        assert other.result() == {"accuracy": 61.5}
        assert not list(tmp_path.glob("lock*"))

    def test_each_has_its_checkpoints(self, folders, tmp_path):
        assert [folder.checkpoints for folder in folders] == [
            tmp_path / "checkpoints" / "worker_0",
            tmp_path / "checkpoints" / "worker_1",
        ]

    @pytest.mark.parametrize("number", [0, 1])
    def test_second_run_is_kept_out(self, folders, tmp_path, number):
        for folder in folders:
            folder.start()
        code = (
            "from pipeline.runs import run_folder;"
            "from pipeline.workers import cluster;"
            "c = cluster.Cluster(('worker 0', 'worker 1'), ('', ''), "
            f"{number}); f = run_folder.RunFolder({str(tmp_path)!r}, "
            f"{CONFIG!r}, c); f.start()"
        )
        root = pathlib.Path(run_folder.__file__).parents[2]
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        assert done.returncode == 1
        assert f"process {os.getpid()} trains in" in done.stderr

    def test_number_of_workers_belongs_to_the_run(self, folders, tmp_path):
        folders[0].start()
        with pytest.raises(ValueError, match="workers=2(.|\n)*'nothing'"):
            run_folder.RunFolder(tmp_path, CONFIG)
