"""Clients that are slow, many, greedy, gone, or speak no proper HTTP."""

import contextlib
import json
import re
import socket
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from pipeline.serving import application
from pipeline.serving import json_tensors
from tests import small_networks
from tests.pipeline.serving import conftest

POST = b"POST /v1/models/small:predict HTTP/1.1\r\nHost: a\r\n"
GET = b"GET /v1/models/small HTTP/1.1\r\nHost: a\r\n"
LIMITS = application.Limits(samples=50, images=4, connections=6, request_s=1)


@pytest.fixture(scope="module")
def client(exported):
    """A client of a server with limits that are soon reached."""
    client = conftest.Client(exported / "1", name="small", limits=LIMITS)
    yield client
    client.close()


def connect(client):
    address = client.server.host, client.server.port
    return socket.create_connection(address, timeout=30)


def read(connection):
    """Returns status and JSON of the answers until the connection ends."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while more := connection.recv(2**16):
            answer += more
    status, body = re.fullmatch(
        rb"HTTP/1.1 (\d+) .*?\r\n\r\n(.*)", answer, re.DOTALL
    ).groups()
    return int(status), json.loads(body)


def ask(client, content):
    """Sends bytes and returns status and JSON."""
    with connect(client) as connection:
        connection.sendall(content)
        return read(connection)


def wait_until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class RequestTest:
    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0", 400),
            (b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
            (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\naa", 400),
            (b"Content-Length: 1, 1\r\n\r\na", 400),
            (b"Content-Length: +1\r\n\r\na", 400),
            (b"Content-Length : 1\r\n\r\na", 400),
            (b"Transfer-Encoding: gzip\r\n\r\na", 400),
            (b"Host: b\r\nContent-Length: 1\r\n\r\na", 400),
            (b"A: b\r\n c\r\nContent-Length: 1\r\n\r\na", 400),
            (b"A: \0\r\nContent-Length: 1\r\n\r\na", 400),
            (b"\r\n", 411),
            (b"A: " + b"b" * 2**19, 431),
            (b"A: b\r\n" * 2**16, 431),
            (b"Content-Length: 67108865\r\n\r\n", 413),
        ],
    )
    def test_refuses_what_two_may_read_differently(self, client, head, status):
        code, answer = ask(client, POST + head)
        assert (code, list(answer)) == (status, ["error"])

    @pytest.mark.parametrize(
        "content", [b"\x16\x03\x01\xff\xff", b"GET / HTTP/1.1\r\n\r\n"]
    )
    def test_refuses_what_is_no_http(self, client, content):
        assert ask(client, content)[0] == 400

    def test_chunks_without_a_length_are_read(self, client, images):
        body = json.dumps({"instances": images[:1].tolist()}).encode()
        chunk = b"%x\r\n%b\r\n0\r\nTrailer: ignored\r\n\r\n" % (len(body), body)
        head = b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        status, answer = ask(client, POST + head + chunk)
        assert (status, list(answer)) == (200, ["predictions"])

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/versions/" + "1" * 5000, 404),
            ("/versions/00000000001", 200),
            ("/versions/%D9%A1", 400),  # a 1 in Arabic
            ("/versions/-1", 400),
            ("%00", 404),
            ("%0d%0aError: forged", 400),
            ("/../..", 400),
            ("x" * 5000, 404),
        ],
    )
    def test_odd_addresses(self, client, path, status):
        code, answer = client.get(path.replace(" ", "%20"))
        assert code == status
        assert len(json.dumps(answer)) < 500

    @pytest.mark.parametrize(
        "send", [GET[:20], POST + b"Content-Length: 9\r\n\r\n{"]
    )
    def test_slow_bytes_have_a_time_together(self, client, send):
        start = time.monotonic()
        with connect(client) as connection:
            connection.sendall(send)
            while time.monotonic() < start + 0.8:  # each within the time
                connection.sendall(b" ")
                time.sleep(0.2)
            status, answer = read(connection)
        assert status == 408
        assert answer["error"] == "A request must be there within 1 s"
        assert 0.9 < time.monotonic() - start < 10

    def test_connections_above_the_limit(self, client):
        with contextlib.ExitStack() as stack:
            held = [
                stack.enter_context(connect(client))
                for _ in range(LIMITS.connections)
            ]
            for content in (b"", GET + b"\r\n"):
                assert ask(client, content) == (
                    503,
                    {"error": "The server has too many connections"},
                )
            held[0].sendall(GET + b"Connection: close\r\n\r\n")
            assert read(held[0])[0] == 200
        wait_until(lambda: client.get()[0] == 200)

    def test_small_writes_do_not_wait(self, client):
        with connect(client):
            state = client.server._server.server_state
            wait_until(lambda: state.connections)
            for connection in state.connections:
                held = connection.transport.get_extra_info("socket")
                option = socket.IPPROTO_TCP, socket.TCP_NODELAY
                assert held.getsockopt(*option) == 1

    def test_many_connections_at_once(self, exported, start, images):
        client = start(exported / "1")
        begin = time.monotonic()
        with contextlib.ExitStack() as stack:
            for _ in range(200):
                stack.enter_context(connect(client))
            assert client.get()[0] == 200
            assert time.monotonic() - begin < 5  # 1 on a machine of its own


class SizeTest:
    @pytest.mark.parametrize("samples", [51, 2**31 - 1])
    def test_samples_above_the_limit(self, client, images, samples):
        inputs = {"images": images.tolist(), "samples": samples, "seed": 0}
        status, answer = client.predict(signature_name="predict", inputs=inputs)
        assert (status, answer["error"]) == (
            400,
            f"A request must have at most 50 `samples`. Received: {samples}",
        )

    def test_rows_above_the_limit(self, client, images):
        rows = images[:1].tolist() * 5
        status, answer = client.predict(instances=rows)
        assert (status, answer["error"]) == (
            400,
            "A request must have at most 4 rows. Received: 5",
        )

    @pytest.mark.parametrize("depth", [33, 500, 5_000])
    @pytest.mark.parametrize("name", ["serve", "serve_files"])
    def test_lists_in_lists(self, client, depth, name):
        body = b'{"signature_name": "%b", "instances": %b1%b}' % (
            name.encode(),
            b"[" * depth,
            b"]" * depth,
        )
        status, answer = client.get(":predict", body)
        assert status == 400
        assert len(answer["error"]) < 300

    @pytest.mark.parametrize("item", ["[]", "{}", "[[0]]", '{"a":0}'])
    def test_lists_are_counted_before_they_are_parsed(self, item, monkeypatch):
        monkeypatch.setattr(json_tensors.json, "loads", lambda _: 1 / 0)
        body = bytearray(b"[" + item.encode() + b",[]" * 2**20 + b"]")
        with pytest.raises(ValueError, match="fewer values.*Received: 1048"):
            json_tensors.parse(body)

    def test_strings_do_not_grow(self):
        # Each as long as the longest would take 400 GB.
        values = ["a"] * 100_000 + ["b" * 1_000_000]
        specs = {"x": tf.TensorSpec((None,), tf.uint8)}
        with pytest.raises(ValueError, match="`x` must be uint8. Received"):
            json_tensors.read_request({"instances": values}, specs)


class PartsTest:
    def test_are_averaged_by_their_samples(
        self, client, exported, images, monkeypatch
    ):
        monkeypatch.setattr(application, "_PART", 60)
        seed = 2**31 - 5
        inputs = {"images": images.tolist(), "samples": 45, "seed": seed}
        status, answer = client.predict(signature_name="predict", inputs=inputs)
        assert status == 200
        loaded = tf.saved_model.load(str(exported / "1"))
        expected = np.zeros((3, small_networks.CLASSES))
        # 60 / 3 images at a time; seeds go round at 2^31.
        for number, samples in enumerate([20, 20, 5]):
            own = seed + number * 1_000_003
            own -= 2**32 if own >= 2**31 else 0
            part = loaded.predict(
                images, tf.constant(samples), tf.constant(own)
            )
            expected += samples * part["probabilities"].numpy()
        np.testing.assert_allclose(answer["outputs"], expected / 45, rtol=1e-5)

    def test_end_when_the_client_has_left(self, client, images, monkeypatch):
        monkeypatch.setattr(application, "_PART", 1)
        called, go_on = [], threading.Event()
        call = application._call

        def slow_call(*arguments):
            called.append(arguments)
            go_on.wait(30)
            return call(*arguments)

        monkeypatch.setattr(application, "_call", slow_call)
        inputs = {"images": images[:1].tolist(), "samples": 50, "seed": 0}
        request = {"signature_name": "predict", "inputs": inputs}
        body = json.dumps(request).encode()
        with connect(client) as connection:
            connection.sendall(
                POST + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            wait_until(lambda: called)
        state = client.server._server.server_state
        wait_until(lambda: not state.connections)
        go_on.set()
        monkeypatch.setattr(application, "_PART", 256)
        assert client.predict(instances=images[:1].tolist())[0] == 200
        assert len(called) == 2
