"""A classifier over HTTP, as TensorFlow Serving's REST interface has it.

    POST /v1/models/NAME[/versions/VERSION]:predict
    GET  /v1/models/NAME[/versions/VERSION]              status
    GET  /v1/models/NAME[/versions/VERSION]/metadata     signatures

For one machine: one model, its newest version alone, no gRPC, no TLS. Whatever
cannot be answered gets one JSON object `{"error": "..."}` and status 400
(request), 404 (model, version), 408 (too slow), 411, 413 (body), 431 (headers),
501 (method), 503 (too many connections) or 500.
"""

import re
import socket

import uvicorn

from pipeline.serving import application
from pipeline.serving import connections
from pipeline.serving import served_model

_WAITING = 2048  # connections that the system keeps until they are taken
_END_S = 1  # for the answers under way when the server is stopped


class ClassifierServer:
    """Serves one model; `serve_forever()` answers until it is stopped.

    Args:
        folder: Path-like, as of `ServedModel`.
        name: Str, the model's name in addresses.
        host: Str, address to listen at.
        port: Int, 0 for any that is free.
        limits: `Limits` of requests, or None (default) for its own defaults.

    Attributes: `host`, `port`; `address`, the model's own URL.
    Raises: ValueError, FileNotFoundError, as `ServedModel`; ValueError, if the
        name is no part of a URL or the port cannot be had.
    """

    def __init__(
        self, folder, name="model", host="127.0.0.1", port=8501, limits=None
    ):
        if not re.fullmatch(r"[\w.-]+", name, re.ASCII):
            raise ValueError(
                "Argument `name` must be of letters, digits, and `_.-`. "
                f"Received: name={name!r}"
            )
        limits = limits or application.Limits()
        self._model = served_model.ServedModel(folder)
        self._application = application.Application(name, self._model, limits)
        try:
            self._socket = socket.create_server((host, port), backlog=_WAITING)
        except (OSError, OverflowError) as error:
            self.close()
            raise ValueError(
                f"Argument `port` must be free on host {host}. "
                f"Received: port={port} ({error})"
            ) from error
        self.host, self.port = self._socket.getsockname()[:2]
        self.address = f"http://{host}:{self.port}/v1/models/{name}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application,
                http=connections.limited(limits.connections, limits.request_s),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",  # each request says itself what it was
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=_WAITING,
                timeout_keep_alive=limits.request_s,
                timeout_graceful_shutdown=_END_S,
            )
        )

    def serve_forever(self):
        """Answers until `stop`, or in the main thread SIGINT or SIGTERM.

        Requests under way then have a second. What their threads still
        compute goes on without a listener: whoever is not to wait for it ends
        the process by `os._exit`.
        """
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self.close()

    def stop(self):
        """Lets `serve_forever` return; may be called by any thread."""
        self._server.should_exit = True

    def close(self):
        """Lets go of the model's threads."""
        self._model.close()
        self._application.close()
