"""Who may write in a folder of a store: one, and whoever comes after it."""

import json
import subprocess
import sys
import threading

import pytest

from pipeline.storage import artifact_store
from pipeline.storage import lease

OTHER = {"host": "elsewhere", "process": 7, "token": "a", "number": 1}


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    for name in ("_RENEW_S", "_DEAD_S", "_LOOK_S", "_SETTLE_S"):
        quick = 0.3 if name == "_DEAD_S" else 0.05
        monkeypatch.setattr(lease, name, quick)


@pytest.fixture
def uri(request):
    place = f"memory://lease_test/{request.node.originalname}"
    yield place
    artifact_store.remove(place)


def write(uri, found):
    artifact_store.write_bytes(
        f"{uri}/{lease.NAME}", json.dumps(found).encode()
    )


def read(uri):
    return json.loads(artifact_store.read_bytes(f"{uri}/{lease.NAME}"))


class LeaseTest:
    def test_is_there_until_it_is_released(self, uri):
        held = lease.Lease(uri)
        assert artifact_store.names_in(uri) == [lease.NAME]
        held.check()
        held.release()
        assert artifact_store.names_in(uri) == []

    def test_is_renewed(self, uri):
        held = lease.Lease(uri)
        before = read(uri)
        for _ in range(600):
            if read(uri) != before:
                break
            threading.Event().wait(0.05)
        assert read(uri)["number"] > before["number"]
        held.release()

    def test_holder_that_renews_it_is_named(self, uri):
        write(uri, OTHER)
        timer = threading.Timer(0.1, write, [uri, {**OTHER, "number": 2}])
        timer.start()
        with pytest.raises(ValueError, match="process 7 on 'elsewhere' trains"):
            lease.Lease(uri)
        timer.join()
        assert read(uri)["token"] == "a"

    def test_holder_that_does_not_is_succeeded(self, uri):
        write(uri, OTHER)
        lease.Lease(uri).release()

    def test_dead_process_of_this_machine_is_succeeded_at_once(
        self, uri, monkeypatch
    ):
        monkeypatch.setattr(lease, "_DEAD_S", 1000)
        process = subprocess.Popen([sys.executable, "-c", ""])
        process.wait()
        held = lease.Lease(uri)
        write(uri, {**read(uri), "process": process.pid, "token": "b"})
        again = lease.Lease(uri)
        with pytest.raises(ValueError, match="must not be in use by another"):
            held.check()
        again.release()

    def test_of_two_at_once_one_is_left(self, uri):
        found = []

        def take():
            try:
                found.append(lease.Lease(uri))
            except ValueError as error:
                found.append(error)

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(isinstance(each, lease.Lease) for each in found) == 1

    @pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"process": "x"}'])
    def test_damaged_one_is_replaced(self, uri, content):
        artifact_store.write_bytes(f"{uri}/{lease.NAME}", content)
        lease.Lease(uri).release()
