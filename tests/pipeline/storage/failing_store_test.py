"""Runs in a store that fails at a write: half of it there, or nothing."""

import itertools

import fsspec
import pytest
import tensorflow as tf
from fsspec.implementations import memory

from mp_keras import checkpointing
from pipeline.runs import run_folder
from pipeline.storage import artifact_store
from pipeline.storage import lease

CONFIG = {"steps": 10, "data": {"source": "tfds:digits"}}
PLACE = "failing://store/run"


class FailingFileSystem(memory.MemoryFileSystem):
    """Fails at one write, and then until it is told not to."""

    protocol = "failing"
    store = {}
    pseudo_dirs = [""]
    writes_left = None  # until it fails; None for never
    leaves_half = False

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("failing://", "memory://"))

    def _write(self, path, content):
        cls = type(self)
        if cls.writes_left is not None:
            if cls.writes_left <= 0:
                if cls.leaves_half and cls.writes_left == 0 and content:
                    super().pipe_file(path, content[: len(content) // 2])
                cls.writes_left = -1
                raise TimeoutError("the connection broke")
            cls.writes_left -= 1

    def put_file(self, lpath, rpath, **options):
        with open(lpath, "rb") as file:
            self._write(rpath, file.read())
        super().put_file(lpath, rpath, **options)

    def pipe_file(self, path, value, **options):
        self._write(path, value)
        super().pipe_file(path, value, **options)

    def cp_file(self, path1, path2, **options):
        self._write(path2, None)
        super().cp_file(path1, path2, **options)

    def _rm(self, path):
        self._write(path, None)
        super()._rm(path)

    def rm_file(self, path):
        self._write(path, None)
        super().rm_file(path)


fsspec.register_implementation("failing", FailingFileSystem, clobber=True)


class Run:
    """A run of three checkpoints that trains one number."""

    def __init__(self):
        self.folder = run_folder.RunFolder(PLACE, CONFIG)
        self.value = tf.Variable(0.0)
        self.checkpoints = checkpointing.Checkpoints(
            self.folder.checkpoints, {"value": [self.value]}
        )
        self.begin = self.checkpoints.restore()
        self.folder.rewind(self.begin)
        self.published = self.begin

    def train(self):
        self.folder.start()
        for step in range(self.begin + 1, 4):
            self.value.assign(float(step))
            self.folder.append({"step": step})
            self.checkpoints.save(step)
            self.folder.publish()
            self.published = step
        self.folder.finish({"value": float(self.value)})


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(lease, "_SETTLE_S", 0)
    monkeypatch.setattr(FailingFileSystem, "writes_left", None)
    yield FailingFileSystem
    FailingFileSystem.writes_left = None
    artifact_store.remove("failing://store")


@pytest.mark.parametrize("leaves_half", [False, True])
def test_last_whole_checkpoint_is_found_after_each_write(store, leaves_half):
    store.leaves_half = leaves_half
    for writes in itertools.count():
        artifact_store.remove("failing://store")
        store.writes_left = writes
        run = Run()
        try:
            run.train()
            break
        except ConnectionError as error:
            assert "Store failing://store/run" in str(error)
            assert "the connection broke" in str(error)
        store.writes_left = None
        again = Run()
        assert again.begin >= run.published
        assert float(again.value) == again.begin
        again.train()
        last = Run()
        assert (last.begin, last.folder.result()) == (3, {"value": 3.0})
        assert [w["step"] for w in last.folder.history()] == [1, 2, 3]
        names = artifact_store.find(PLACE)
        assert not [name for name in names if ".partial-" in name]
    assert writes > 20
