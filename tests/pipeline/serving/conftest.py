"""Servers that run in this process, and clients that ask them."""

import json
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest

import mp_keras
from pipeline.serving import served_model
from pipeline.serving import server
from tests import small_networks


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The SavedModels of two classifiers, as the Pusher would get them."""
    root = tmp_path_factory.mktemp("exported")
    for seed in (1, 2):
        model = small_networks.make_network(small_networks.random_phi(seed))
        mp_keras.save_classifier(model, root / str(seed), samples=2)
    return root


@pytest.fixture(scope="module")
def images():
    shape = (3, small_networks.SIZE, small_networks.SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


class Client:
    """Talks to a server that runs in a thread of its own."""

    def __init__(self, folder, **arguments):
        self.server = server.ClassifierServer(folder, port=0, **arguments)
        self.address = self.server.address
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def get(self, path="", body=None):
        """Returns status and JSON of a GET, or of a POST of `body`."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        url = self.address + path
        try:
            with urllib.request.urlopen(url, body, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            assert error.headers["Content-Type"] == "application/json"
            return error.code, json.load(error)

    def predict(self, **request):
        return self.get(":predict", request)

    def close(self):
        self.server.stop()
        self._thread.join()


@pytest.fixture
def start(monkeypatch):
    """Starts servers that are not warmed up, and ends them after the test."""
    monkeypatch.setattr(served_model.Version, "warm_up", lambda _: None)
    clients = []

    def start(folder, **arguments):
        clients.append(Client(folder, **arguments))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def client(exported):
    """A client of one classifier."""
    client = Client(exported / "1", name="small")
    yield client
    client.close()
