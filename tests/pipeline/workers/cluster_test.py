"""TF_CONFIG: what is read from it, and what is refused."""

import json
import socket

import pytest

from pipeline.workers import cluster as cluster_module

ADDRESSES = ["10.0.0.1:2222", "10.0.0.2:2222"]


def set_config(monkeypatch, cluster, job="worker", index=0):
    task = {"type": job, "index": index}
    value = {"cluster": cluster, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(value))


class FromEnvironmentTest:
    def test_first_worker_is_chief(self, monkeypatch):
        for index in (0, 1):
            set_config(monkeypatch, {"worker": ADDRESSES}, index=index)
            cluster = cluster_module.from_environment()
            assert (cluster.size, cluster.number) == (2, index)
            assert cluster.name == f"worker {index}"
            assert cluster.is_chief == (index == 0)
            other = 1 - index
            assert cluster.peers() == [(f"worker {other}", ADDRESSES[other])]

    def test_chief_comes_before_workers(self, monkeypatch):
        jobs = {"worker": ADDRESSES, "chief": ["10.0.0.9:2222"]}
        set_config(monkeypatch, jobs, "worker", 1)
        cluster = cluster_module.from_environment()
        assert cluster.names == ("chief 0", "worker 0", "worker 1")
        assert cluster.addresses == ("10.0.0.9:2222", *ADDRESSES)
        assert (cluster.number, cluster.is_chief) == (2, False)

    def test_index_may_be_text(self, monkeypatch):
        """As TensorFlow reads it."""
        set_config(monkeypatch, {"worker": ADDRESSES}, index="1")
        assert cluster_module.from_environment().number == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (None, "TF_CONFIG must be TensorFlow's JSON.*no TF_CONFIG"),
            ("", "no TF_CONFIG"),
            ('{"cluster": ', "must be TensorFlow's JSON(.|\n)*'{\"cluster\""),
            ("[]", r"no `cluster` in \[\]"),
            ('{"task": {"type": "worker", "index": 0}}', "no `cluster`"),
            ('{"cluster": {"worker": ["a:1"]}}', "no `task`"),
        ],
    )
    def test_incomplete_text_raises(self, monkeypatch, text, message):
        monkeypatch.delenv("TF_CONFIG", raising=False)
        if text is not None:
            monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(ValueError, match=message):
            cluster_module.from_environment()

    @pytest.mark.parametrize(
        ("jobs", "message"),
        [
            ({"worker": ADDRESSES, "ps": ["a:1"]}, r"\['ps'\]"),
            ({"worker": "a:1"}, "a:1(.|\n)*'worker' must be a list"),
            ({"worker": []}, "must be a job of its(.|\n)*'worker'"),
            ({"worker": ["a", "b:1"]}, "HOST:PORT. Received: 'a'"),
            ({"worker": ["a:99999"]}, "HOST:PORT. Received: 'a:99999'"),
            ({"worker": ["a:1", "a:1"]}, r"\['a:1'\] more than once"),
            ({"chief": ADDRESSES, "worker": ["a:1"]}, "must have one task"),
        ],
    )
    def test_wrong_cluster_raises(self, monkeypatch, jobs, message):
        set_config(monkeypatch, jobs)
        with pytest.raises(ValueError, match=message):
            cluster_module.from_environment()

    @pytest.mark.parametrize(
        ("job", "index", "message"),
        [
            ("worker", 2, "in 0 to 1(.|\n)*2 of job 'worker'(.|\n)*: 2"),
            ("worker", -1, "Received: -1"),
            ("worker", None, "TensorFlow's JSON(.|\n)*index.: null"),
            ("chief", 0, "must be a job of its `cluster`(.|\n)*'chief'"),
        ],
    )
    def test_task_outside_the_cluster_raises(
        self, monkeypatch, job, index, message
    ):
        set_config(monkeypatch, {"worker": ADDRESSES}, job, index)
        with pytest.raises(ValueError, match=message):
            cluster_module.from_environment()


class SilentPeersTest:
    def test_closed_ports_are_silent(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            closed = socket.create_server(("127.0.0.1", 0))
            gone = f"127.0.0.1:{closed.getsockname()[1]}"
            closed.close()
            cluster = cluster_module.Cluster(
                ("worker 0", "worker 1", "worker 2"),
                ("127.0.0.1:1", f"127.0.0.1:{port}", gone),
            )
            assert cluster.silent_peers() == [("worker 2", gone)]
