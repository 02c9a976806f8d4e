"""Requests to the server: damaged, crafted and random."""

import base64
import http.client
import json
import threading

import hypothesis
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies

from pipeline.serving import json_tensors
from pipeline.serving import server
from tests.hostile import corpus
from tests.hostile import good_files
from tests.hostile import mutations
from tests.hostile import payloads
from tests.hostile import shards_test

SPECS = {
    "images": tf.TensorSpec((None, 2, 2, 3), tf.uint8, "images"),
    "samples": tf.TensorSpec((), tf.int32, "samples"),
    "level": tf.TensorSpec((None,), tf.float32, "level"),
    "files": tf.TensorSpec((None,), tf.string, "files"),
}
FORMS = strategies.sampled_from(["instances", "inputs"])


@pytest.fixture
def ask(prepare):
    """A function that posts a body and returns status and JSON."""
    serving = server.ClassifierServer(
        prepare("classifier") / "classifier", port=0
    )
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()

    def post(body, length=None):
        client = http.client.HTTPConnection(
            serving.host, serving.port, timeout=9
        )
        headers = {} if length is None else {"Content-Length": length}
        client.request("POST", "/v1/models/model:predict", body, headers)
        answer = client.getresponse()
        value = answer.status, json.load(answer)
        client.close()
        return value

    yield post
    serving.stop()
    thread.join()


def rows():
    return np.zeros((2, good_files.SIZE, good_files.SIZE, 3), int).tolist()


class ServerTest:
    def test_damaged_bodies(self, ask):
        good = json.dumps({"instances": rows()}).encode()
        count = corpus.COUNTS["request"]
        for label, body in mutations.mutate(good, count):
            status, value = ask(body)
            if status == 200:
                assert len(value["predictions"]) >= 1, label
            else:
                assert (status, list(value)) == (400, ["error"]), (label, value)
        assert ask(good)[0] == 200

    def test_crafted_bodies(self, ask):
        bomb = base64.b64encode(payloads.png(20_000, 20_000)).decode()
        files = {"signature_name": "serve_files"}
        bodies = (
            "[" * 100_000,
            '{"instances": ' + "[" * 90_000,
            json.dumps({"instances": [[[[10**30] * 3]]]}),
            '{"instances": [NaN]}',
            '{"instances": [[[[1e999]]]]}',
            '{"instances": ["\\ud800"]}',
            '{"instances": {"a": 1}, "inputs": 1}',
            json.dumps({"signature_name": {"a": 1}, "instances": [1]}),
            json.dumps({**files, "instances": [{"b64": "%"}]}),
            json.dumps({**files, "instances": [{"b64": ""}]}),
            json.dumps({**files, "instances": [{"b64": bomb}]}),
            json.dumps({**files, "instances": ["\ud800"]}),
        )
        for body in bodies:
            status, value = ask(body.encode())
            assert (status, list(value)) == (400, ["error"]), (body[:60], value)
            assert len(value["error"]) < 1000
        assert ask(json.dumps({"instances": rows()}).encode())[0] == 200

    @pytest.mark.parametrize(
        ("length", "status"),
        [("-1", 400), ("x", 400), (str(10**20), 400), (str(10**12), 413)],
    )
    def test_length_that_lies(self, ask, length, status):
        assert ask(b"{}", length)[0] == status


class ReadRequestTest:
    @hypothesis.given(
        FORMS,
        strategies.lists(strategies.sampled_from(sorted(SPECS)), min_size=1),
        shards_test.JSON,
    )
    def test_any_json_fits_or_is_refused(self, form, names, value):
        specs = {name: SPECS[name] for name in names}
        for request in ({form: value}, {form: [value]}):
            self._read(request, specs)

    @hypothesis.given(
        FORMS,
        strategies.dictionaries(
            strategies.sampled_from(sorted(SPECS)), shards_test.JSON
        ),
    )
    def test_any_columns_fit_or_are_refused(self, form, columns):
        self._read({form: columns}, SPECS)
        self._read({form: [columns, columns]}, SPECS)

    def _read(self, request, specs):
        try:
            tensors, _ = json_tensors.read_request(request, specs)
        except ValueError as error:
            assert str(error)
        else:
            for name, spec in specs.items():
                assert spec.is_compatible_with(tensors[name])
