"""The REST interface that TensorFlow Serving documents, on a real classifier.

What a client sends and gets, over a socket; the answers are compared with the
SavedModel's own signatures.
"""

import base64
import http.client
import io
import json
import pathlib
import re
import threading

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.datasets import image_files
from pipeline.datasets import image_resizing
from pipeline.serving import server
from tests import small_networks

SIZE = small_networks.SIZE


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported / "1"))


def rounded(tensor):
    return pytest.approx(np.array(tensor), rel=1e-5)


class PredictTest:
    def test_rows_and_columns(self, client, loaded, images):
        expected = loaded.serve(images)["probabilities"]
        for request, key in (
            ({"instances": images.tolist()}, "predictions"),
            ({"inputs": {"images": images.tolist()}}, "outputs"),
        ):
            status, answer = client.predict(**request)
            assert (status, list(answer)) == (200, [key])
            assert np.array(answer[key]) == rounded(expected)

    def test_named_rows_name_and_version(self, client, loaded, images):
        rows = [{"images": image.tolist()} for image in images]
        request = {"signature_name": "serve", "instances": rows}
        status, answer = client.get("/versions/1:predict", request)
        expected = loaded.serve(images)["probabilities"]
        assert status == 200
        assert np.array(answer["predictions"]) == rounded(expected)

    def test_samples_and_seed_in_columns(self, client, loaded, images):
        inputs = {"images": images.tolist(), "samples": 3, "seed": 5}
        status, answer = client.predict(signature_name="predict", inputs=inputs)
        expected = loaded.predict(images, tf.constant(3), tf.constant(5))
        assert status == 200
        assert np.array(answer["outputs"]) == rounded(expected["probabilities"])
        inputs["samples"] = 0
        status, answer = client.predict(signature_name="predict", inputs=inputs)
        assert status == 400
        message = "assertion failed: [`samples` must be at least 1."
        assert answer["error"].startswith(message)

    def test_files(self, client, loaded, images):
        rows = []
        for image in images:  # PNG keeps every pixel
            file = io.BytesIO()
            Image.fromarray(image).save(file, "PNG")
            rows.append({"b64": base64.b64encode(file.getvalue()).decode()})
        expected = loaded.serve(images)["probabilities"]
        for instances in (rows, [{"image_bytes": row} for row in rows]):
            status, answer = client.predict(
                signature_name="serve_files", instances=instances
            )
            assert status == 200
            assert np.array(answer["predictions"]) == rounded(expected)

    @pytest.mark.parametrize("kind", ["WEBP", "GIF", "TIFF"])
    def test_other_formats_are_read_as_in_training(self, client, loaded, kind):
        random = np.random.default_rng(1)
        pixels = random.integers(0, 256, (20, 31, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, kind)
        content = file.getvalue()
        decoded = image_files.decode_bytes(content, "it")[None]
        image = image_resizing.resize_array(decoded, small_networks.SIZE)
        expected = loaded.serve(image)["probabilities"]
        row = {"b64": base64.b64encode(content).decode()}
        status, answer = client.predict(
            signature_name="serve_files", instances=[row]
        )
        assert status == 200
        assert np.array(answer["predictions"]) == rounded(expected)
        row = {"b64": base64.b64encode(content[:40]).decode()}
        name = {"WEBP": "WebP"}.get(kind, kind)
        status, answer = client.predict(
            signature_name="serve_files", instances=[row]
        )
        assert status == 400
        assert answer["error"].startswith(f"A {name} file must be a complete")

    def test_many_clients_at_a_time(self, client, loaded, images):
        # One image each: the noise depends on the place in the batch.
        expected = [
            loaded.serve(images[i : i + 1])["probabilities"] for i in range(3)
        ]
        answers = {}

        def ask(number):
            row = [images[number % 3].tolist()]
            answers[number] = client.predict(instances=row)[1]

        threads = [threading.Thread(target=ask, args=(i,)) for i in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, answer in answers.items():
            row = rounded(expected[number % 3])
            assert np.array(answer["predictions"]) == row

    @pytest.mark.parametrize(
        ("path", "body", "status", "message"),
        [
            (":predict", b"{", 400, "must be JSON"),
            (":predict", b"[" * 100_000, 400, "must be JSON"),
            (":predict", b"\xff\xfe\xfd", 400, "must be JSON"),
            (":predict", [1], 400, "must be a JSON object"),
            (":predict", {}, 400, "`instances` or `inputs`"),
            (":predict", {"instances": [[1]]}, 400, r"\(None, 8, 8, 3\)"),
            (
                ":predict",
                {"signature_name": "no", "instances": [1]},
                400,
                "one of .'predict', 'serve', 'serve_files', 'serving_default'",
            ),
            (
                ":predict",
                {
                    "signature_name": "serve_files",
                    "instances": [{"b64": "bm8="}],
                },
                400,
                "^assertion failed: .`image_bytes` must be JPEG, PNG or BMP",
            ),
            (
                ":predict",
                {
                    "signature_name": "serve_files",
                    "instances": [{"b64": "AAAAGGZ0eXBoZWlj"}],
                },
                400,
                r"must be JPEG, PNG or BMP.*\(HEIC\)",
            ),
            ("/versions/2:predict", {"instances": [1]}, 404, "newest, 1"),
            (":classify", {"examples": []}, 400, "Malformed request: POST"),
            ("/versions/x", None, 400, "Malformed request: GET"),
            (":predict", None, 400, "Malformed request: GET"),
            ("er", None, 404, "no model smaller. Served: small"),
            ("/versions/7/metadata", None, 404, "newest, 1"),
        ],
    )
    def test_refuses_in_one_json_object(
        self, client, path, body, status, message
    ):
        code, answer = client.get(path, body)
        assert (code, list(answer)) == (status, ["error"])
        assert re.search(message, answer["error"])

    @pytest.mark.parametrize(
        ("method", "headers", "status"),
        [
            ("POST", {}, 411),
            ("POST", {"Content-Length": "1" * 12}, 413),
            ("DELETE", {}, 501),
        ],
    )
    def test_refuses_without_reading_a_body(
        self, client, method, headers, status
    ):
        connection = http.client.HTTPConnection(
            client.server.host, client.server.port, timeout=60
        )
        connection.putrequest(method, "/v1/models/small:predict")
        for header in headers.items():
            connection.putheader(*header)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == status
        assert list(json.load(answer)) == ["error"]
        connection.close()


class StatusTest:
    def test_status_of_the_model(self, client):
        expected = {
            "model_version_status": [
                {
                    "version": "1",
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        }
        assert client.get() == (200, expected)
        assert client.get("/versions/1") == (200, expected)

    def test_metadata_describes_the_signatures(self, client):
        status, answer = client.get("/metadata")
        spec = {"name": "small", "signature_name": "", "version": "1"}
        assert (status, answer["model_spec"]) == (200, spec)
        signatures = answer["metadata"]["signature_def"]["signature_def"]
        assert {*signatures} == {
            "serving_default",
            "serve",
            "predict",
            "serve_files",
        }
        images = signatures["serving_default"]["inputs"]["images"]
        sizes = [int(dim["size"]) for dim in images["tensor_shape"]["dim"]]
        assert (images["dtype"], sizes) == ("DT_UINT8", [-1, SIZE, SIZE, 3])
        files = signatures["serve_files"]["inputs"]["image_bytes"]
        assert files["dtype"] == "DT_STRING"
        for signature in signatures.values():
            assert signature["method_name"] == "tensorflow/serving/predict"
            assert list(signature["outputs"]) == ["probabilities"]


class ClassifierServerTest:
    def test_port_in_use(self, client, exported):
        port = client.server.port
        with pytest.raises(ValueError, match=f"Received: port={port}"):
            server.ClassifierServer(exported / "1", port=port)

    @pytest.mark.parametrize("name", ["", "a/b", "a:b", "ä"])
    def test_name_that_no_address_has(self, exported, name):
        with pytest.raises(ValueError, match="Argument `name`"):
            server.ClassifierServer(exported / "1", name=name)


def test_documentation_shows_what_works(client, images):
    """The signatures that docs/serving.md asks for are there."""
    page = pathlib.Path(__file__).parents[3] / "docs" / "serving.md"
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r'"signature_name": "(\w+)"', text))
    assert named == {"serve_files", "predict"}
    _, answer = client.get("/metadata")
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert named <= set(signatures)
