"""A classifier over HTTP, as TensorFlow Serving's REST interface has it.

    POST /v1/models/NAME[/versions/VERSION]:predict
    GET  /v1/models/NAME[/versions/VERSION]              status
    GET  /v1/models/NAME[/versions/VERSION]/metadata     signatures

For a try-out on one machine: one model, its newest version alone, no batching
of requests, no gRPC, no TLS. Whatever cannot be answered gets one JSON object
`{"error": "..."}` and status 400 (request), 404 (model, version), 411, 413
(body), 501 (method) or 500.
"""

import http.server
import json
import re

import tensorflow as tf
from absl import logging

from pipeline.serving import json_tensors
from pipeline.serving import other_formats
from pipeline.serving import served_model

_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+))?"
    r"(?P<verb>:predict|/metadata)?"
)
_DEFAULT_SIGNATURE = "serving_default"
_MOST_BYTES = 2**26  # of a request
_IDLE_S = 60  # until a silent client is given up
# Lines of TensorFlow's errors that say where, not what.
_WHERE = ("Graph execution error", "Detected at node", "<stack", "[[")


class ClassifierServer(http.server.ThreadingHTTPServer):
    """Serves one model; `serve_forever()` answers until it is interrupted.

    Args:
        folder: Path-like, as of `ServedModel`.
        name: Str, the model's name in addresses.
        host: Str, address to listen at.
        port: Int, 0 for any that is free.

    Attributes: `address`, the model's own URL.
    Raises: ValueError, FileNotFoundError, as `ServedModel`; ValueError, if the
        name is no part of a URL or the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, folder, name="model", host="127.0.0.1", port=8501):
        if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
            raise ValueError(
                "Argument `name` must be of letters, digits, and `_.-`. "
                f"Received: name={name!r}"
            )
        self.name = name
        self.model = served_model.ServedModel(folder)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ValueError(
                f"Argument `port` must be free on host {host}. "
                f"Received: port={port} ({error})"
            ) from error
        self.address = f"http://{host}:{self.server_port}/v1/models/{name}"


class _Refusal(Exception):
    """What a client gets instead of an answer."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def _answer(self, respond):
        try:
            status, value = 200, respond()
        except _Refusal as refusal:
            status, value = refusal.status, {"error": str(refusal)}
        except Exception as error:  # the server outlives any request
            logging.exception("request %s failed", self.path)
            status, value = 500, {"error": f"{type(error).__name__}: {error}"}
        self._send(status, value)

    def send_error(self, code, message=None, explain=None):
        """Refuses what is no GET or POST, or no HTTP, in JSON as well."""
        self._send(code, {"error": message or self.responses[code][0]})

    def _send(self, status, value):
        if status != 200:
            self.close_connection = True  # its body may be unread
        content = json.dumps(value).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        try:
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:  # the client did not wait
            self.close_connection = True

    def _get(self):
        verb, version = self._find({None, "/metadata"})
        if verb is None:
            status = {"error_code": "OK", "error_message": ""}
            state = {"state": "AVAILABLE", "status": status}
            number = {"version": str(version.number)}
            return {"model_version_status": [{**number, **state}]}
        return {
            "model_spec": {
                "name": self.server.name,
                "signature_name": "",
                "version": str(version.number),
            },
            "metadata": {"signature_def": {"signature_def": version.metadata}},
        }

    def _post(self):
        _, version = self._find({":predict"})
        try:
            request = json.loads(self._body())
        except (ValueError, RecursionError) as error:
            raise _Refusal(400, f"The body must be JSON: {error}") from error
        if not isinstance(request, dict):
            raise _Refusal(400, "The body must be a JSON object")
        name = request.get("signature_name") or _DEFAULT_SIGNATURE
        signature = version.signatures.get(str(name))
        if signature is None:
            raise _Refusal(
                400,
                "Key `signature_name` must be one of "
                f"{sorted(version.signatures)}. Received: {name!r}",
            )
        _, specs = signature.structured_input_signature
        try:
            tensors, form = json_tensors.read_request(request, specs)
            tensors = other_formats.readable_tensors(tensors)
            outputs = signature(**tensors)
        except ValueError as error:
            raise _Refusal(400, str(error)) from error
        except tf.errors.InvalidArgumentError as error:
            raise _Refusal(400, _essence(error.message)) from error
        return json_tensors.write_response(outputs, form)

    def _find(self, verbs):
        """Returns verb and version that the address names."""
        match = _PATH.fullmatch(self.path.partition("?")[0])
        if match is None or match["verb"] not in verbs:
            raise _Refusal(
                400, f"Malformed request: {self.command} {self.path}"
            )
        newest = self.server.model.newest()
        if match["name"] != self.server.name:
            raise _Refusal(
                404,
                f"There is no model {match['name']}. "
                f"Served: {self.server.name}",
            )
        if match["version"] and int(match["version"]) != newest.number:
            raise _Refusal(
                404,
                f"There is no version {match['version']} of model "
                f"{self.server.name}. Served: the newest, {newest.number}",
            )
        return match["verb"], newest

    def _body(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise _Refusal(411, "A request must give its Content-Length")
        if int(length) > _MOST_BYTES:
            raise _Refusal(
                413,
                f"A request must have at most {_MOST_BYTES} bytes. "
                f"Received: {length}",
            )
        return self.rfile.read(int(length))

    def log_message(self, format, *args):
        logging.info(format, *args)


def _essence(message):
    """Returns the line of a TensorFlow error that tells a client something."""
    lines = [line.strip() for line in message.splitlines()]
    said = [line for line in lines if line and not line.startswith(_WHERE)]
    return (said or lines)[0][:300]
