"""What a classifier's server answers, as an ASGI application.

    address -> body, read up to a limit -> JSON, counted before it is parsed
    -> tensors -> the model, in parts -> JSON

The model works in threads, first come, first served. What takes long is cut
into parts: after each one others have their turn, and it ends if its client has
left. The trap: a small body may ask for more than any large one.
"""

import asyncio
import concurrent.futures
import dataclasses
import json
import os
import re
import reprlib

import numpy as np
import tensorflow as tf
from absl import logging

from mp_keras import error_texts
from pipeline.serving import json_tensors
from pipeline.serving import other_formats

_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]+))?"
    r"(?P<verb>:predict|/metadata)?"
)
_DEFAULT_SIGNATURE = "serving_default"
_MOST_BYTES = 2**26  # of a body
_PART = 256  # images times samples that are computed in one go
_SEED_STRIDE = 1_000_003  # between the seeds of parts
_SEEDS = 2**31
_SHOWN, _NAME = 300, 60  # characters of an error, of a name in one
# Lines of TensorFlow's errors that say where, not what.
_WHERE = ("Graph execution error", "Detected at node", "<stack", "[[")


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a client may ask for.

    Args:
        samples: Int >= 1, noise samples of a request.
        images: Int >= 1, rows of a request.
        connections: Int >= 1, at a time.
        request_s: Number > 0, seconds until a request must be there.
    """

    samples: int = 1000
    images: int = 128
    connections: int = 256
    request_s: float = 60


class Application:
    """Answers the requests for one model.

    Args:
        name: Str, the model's name in addresses.
        model: `ServedModel`.
        limits: `Limits`.
    """

    def __init__(self, name, model, limits):
        self._name = name
        self._model = model
        self._limits = limits
        self._threads = concurrent.futures.ThreadPoolExecutor(
            max(2, os.cpu_count() or 1), "predict"
        )

    async def __call__(self, scope, receive, send):
        """Answers one request, as ASGI has it."""
        request = _Request(scope, receive)
        try:
            status, value = 200, await self._answer(request)
        except _Refusal as refusal:
            status, value = refusal.status, {"error": str(refusal)}
        except _Left:
            return
        except asyncio.CancelledError:
            status, value = 503, {"error": "The server is being stopped"}
        except Exception as error:  # the server outlives any request
            logging.exception("request %s failed", request.shown)
            status, value = 500, {"error": error_texts.named(error)}
        finally:
            request.close()
        logging.info("%s %s %d", request.method, request.shown, status)
        content = json.dumps(value).encode("utf-8")
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(content)),
        ]
        if status != 200:  # its body may be unread
            headers.append((b"connection", b"close"))
        start = {"type": "http.response.start", "status": status}
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, request):
        hosts = request.values(b"host")
        if len(hosts) > 1 or (not hosts and request.version == "1.1"):
            raise _Refusal(400, "A request must have one header Host")
        if request.method == "GET":
            return self._get(request)
        if request.method == "POST":
            return await self._post(request)
        raise _Refusal(501, f"Unsupported method: {request.method}")

    def _get(self, request):
        verb, version = self._find(request, {None, "/metadata"})
        if verb is None:
            status = {"error_code": "OK", "error_message": ""}
            state = {"state": "AVAILABLE", "status": status}
            number = {"version": str(version.number)}
            return {"model_version_status": [{**number, **state}]}
        return {
            "model_spec": {
                "name": self._name,
                "signature_name": "",
                "version": str(version.number),
            },
            "metadata": {"signature_def": {"signature_def": version.metadata}},
        }

    async def _post(self, request):
        _, version = self._find(request, {":predict"})
        text = await request.text()
        tensors, form, signature = await self._compute(
            request, self._read, text, version
        )
        parts = []
        for part in _parts(tensors):
            outputs = await self._compute(request, _call, signature, part)
            parts.append((part, outputs))
        return json_tensors.write_response(_mean(parts), form)

    async def _compute(self, request, function, *arguments):
        """Returns what a function returns in a thread, if it is waited for."""
        if request.has_left():
            raise _Left
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, function, *arguments)
        await asyncio.wait(
            {future, request.left}, return_when=asyncio.FIRST_COMPLETED
        )
        if not future.done():
            future.cancel()  # if it has not begun
            raise _Left
        return future.result()

    def _read(self, text, version):
        """Returns tensors, form and signature of a body."""
        try:
            request = json_tensors.parse(text.pop())
        except ValueError as error:
            raise _Refusal(400, f"The body must be JSON: {error}") from error
        if not isinstance(request, dict):
            raise _Refusal(400, "The body must be a JSON object")
        name = request.get("signature_name") or _DEFAULT_SIGNATURE
        signature = version.signatures.get(str(name))
        if signature is None:
            raise _Refusal(
                400,
                "Key `signature_name` must be one of "
                f"{sorted(version.signatures)}. Received: {reprlib.repr(name)}",
            )
        _, specs = signature.structured_input_signature
        try:
            tensors, form = json_tensors.read_request(request, specs)
            self._check_size(tensors)
            tensors = other_formats.readable_tensors(tensors)
        except (ValueError, RecursionError) as error:
            raise _Refusal(400, str(error)[:_SHOWN]) from error
        return tensors, form, signature

    def _check_size(self, tensors):
        for what, most, found in (
            ("rows", self._limits.images, _rows(tensors)),
            ("`samples`", self._limits.samples, int(tensors.get("samples", 1))),
        ):
            if found > most:
                raise _Refusal(
                    400,
                    f"A request must have at most {most} {what}. "
                    f"Received: {found}",
                )

    def _find(self, request, verbs):
        """Returns verb and version that the address names."""
        match = _PATH.fullmatch(request.path)
        if match is None or match["verb"] not in verbs:
            raise _Refusal(
                400, f"Malformed request: {request.method} {request.shown}"
            )
        newest = self._model.newest()
        if match["name"] != self._name:
            raise _Refusal(
                404,
                f"There is no model {_brief(match['name'])}. "
                f"Served: {self._name}",
            )
        version = match["version"]
        if version and version.lstrip("0") != str(newest.number).lstrip("0"):
            raise _Refusal(
                404,
                f"There is no version {_brief(version)} of model "
                f"{self._name}. Served: the newest, {newest.number}",
            )
        return match["verb"], newest

    def close(self):
        """Lets go of the threads, and of what waits for them."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class _Refusal(Exception):
    """What a client gets instead of an answer."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class _Left(Exception):
    """Nobody waits for the answer."""


class _Request:
    """One request, and whether its client still waits."""

    def __init__(self, scope, receive):
        self.method = scope["method"]
        self.version = scope["http_version"]
        self.path = scope["path"]
        self.shown = _brief(scope["raw_path"].decode("ascii", "replace"))
        self._headers = scope["headers"]
        self._receive = receive
        self.left = None

    def values(self, name):
        """Returns the values of all headers of a name, lower case."""
        return [value for key, value in self._headers if key == name]

    async def text(self):
        """Returns the body in a list, for its reader to take out of it."""
        lengths = self.values(b"content-length")
        if not lengths and not self.values(b"transfer-encoding"):
            raise _Refusal(411, "A request must give its Content-Length")
        body, more = bytearray(), True
        size = int(lengths[0]) if lengths else 0
        while more and max(size, len(body)) <= _MOST_BYTES:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise _Left
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if more:
            raise _Refusal(
                413,
                f"A request must have at most {_MOST_BYTES} bytes. "
                f"Received: {size or 'more'}",
            )
        self.left = asyncio.create_task(self._leaving())
        return [body]

    async def _leaving(self):
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def has_left(self):
        return self.left.done()

    def close(self):
        """Waits for the client no longer."""
        if self.left is not None:
            self.left.cancel()


def _rows(tensors):
    return max(
        (tensor.shape[0] for tensor in tensors.values() if tensor.shape.rank),
        default=0,
    )


def _parts(tensors):
    """Yields the tensors of `predict` with fewer samples and other seeds.

    Whatever has no samples and seed, or few of them, is one part.
    """
    samples = int(tensors.get("samples", 1))
    most = max(1, _PART // max(1, _rows(tensors)))
    if not {"samples", "seed"} <= set(tensors) or samples <= most:
        yield tensors
        return
    seed = int(tensors["seed"])
    for number, start in enumerate(range(0, samples, most)):
        own = (seed + number * _SEED_STRIDE + _SEEDS) % (2 * _SEEDS) - _SEEDS
        yield {
            **tensors,
            "samples": tf.constant(min(most, samples - start), tf.int32),
            "seed": tf.constant(own, tf.int32),
        }


def _call(signature, tensors):
    """Returns the outputs of a signature as arrays."""
    try:
        outputs = signature(**tensors)
    except ValueError as error:
        raise _Refusal(400, str(error)[:_SHOWN]) from error
    except tf.errors.InvalidArgumentError as error:
        raise _Refusal(400, _essence(error.message)) from error
    return {name: tensor.numpy() for name, tensor in outputs.items()}


def _mean(parts):
    """Returns the outputs of all parts, averaged over their samples.

    Args:
        parts: List of pairs of a part's tensors and its outputs.
    """
    if len(parts) == 1:
        return parts[0][1]
    weights = [int(tensors["samples"]) for tensors, _ in parts]
    return {
        name: np.average(
            [outputs[name] for _, outputs in parts], axis=0, weights=weights
        ).astype(array.dtype)
        for name, array in parts[0][1].items()
    }


def _brief(text):
    return text if len(text) <= _NAME else f"{text[:_NAME]}..."


def _essence(message):
    """Returns the line of a TensorFlow error that tells a client something."""
    lines = [line.strip() for line in message.splitlines()]
    said = [line for line in lines if line and not line.startswith(_WHERE)]
    return (said or lines)[0][:_SHOWN]
