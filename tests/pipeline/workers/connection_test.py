"""Workers meet at their ports; who does not come is named."""

import threading

import pytest

from pipeline.workers import cluster as cluster_module
from pipeline.workers import connection
from tests.tools import worker_processes

NAMES = ("worker 0", "worker 1")


@pytest.fixture
def addresses():
    return tuple(worker_processes.free_addresses(2))


def never():
    return False


class MeetTest:
    def test_two_meet_whoever_comes_first(self, addresses):
        """The first closes its port when it leaves, as TensorFlow opens it."""
        clusters = [cluster_module.Cluster(NAMES, addresses, n) for n in (0, 1)]
        first = threading.Thread(
            target=connection.meet, args=(clusters[0], 60, never)
        )
        first.start()
        with connection._listening(clusters[1]):
            first.join(timeout=60)
        assert not first.is_alive()

    def test_missing_worker_is_named(self, addresses):
        cluster = cluster_module.Cluster(NAMES, addresses, 1)
        message = f"within 0.2 s(.|\n)*nothing from worker 0 at {addresses[0]}"
        with pytest.raises(ConnectionError, match=message):
            connection.meet(cluster, 0.2, never)

    def test_port_in_use_is_named(self, addresses):
        cluster = cluster_module.Cluster(NAMES, addresses, 0)
        with connection._listening(cluster):
            with pytest.raises(ConnectionError, match=addresses[0]):
                connection.meet(cluster, 60, never)

    def test_finished_run_is_not_waited_for(self, addresses, monkeypatch):
        def start_anew():
            raise SystemExit("anew")

        monkeypatch.setattr(connection.restarts, "start_anew", start_anew)
        cluster = cluster_module.Cluster(NAMES, addresses, 1)
        with pytest.raises(SystemExit, match="anew"):
            connection.meet(cluster, 60, lambda: True)


class ConnectTest:
    @pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
    def test_time_must_be_positive(self, addresses, timeout_s):
        cluster = cluster_module.Cluster(NAMES, addresses)
        with pytest.raises(ValueError, match=f"worker_timeout={timeout_s}"):
            connection.connect(cluster, timeout_s, never)
