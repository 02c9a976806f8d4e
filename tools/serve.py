r"""Serves a classifier over HTTP, for a try-out without TensorFlow Serving.

    python -m tools.serve --model_dir=demo/serving/digits
    curl -d '{"signature_name": "serve_files", "instances": [{"b64": "..."}]}' \
        http://127.0.0.1:8501/v1/models/model:predict

The folder holds numbered versions, as the pipeline's Pusher leaves them, or is
the `saved_model/` of a `tools.train_target` run. The newest whole version
answers, and a newer one as soon as it is there. docs/serving.md describes
requests, answers, and TensorFlow Serving itself, which this does not replace.
"""

import os
import signal
import sys

from absl import flags

from tools import binary

_MODEL_DIR = flags.DEFINE_string(
    "model_dir",
    None,
    "Folder of numbered versions, or of one SavedModel.",
    required=True,
)
_MODEL_NAME = flags.DEFINE_string(
    "model_name", "model", "The model's name in addresses."
)
_HOST = flags.DEFINE_string(
    "host", "127.0.0.1", "Where to listen; 0.0.0.0 for every network."
)
_PORT = flags.DEFINE_integer(
    "port",
    8501,
    "Port, 0 for any that is free.",
    lower_bound=0,
    upper_bound=65535,
)
_MAX_SAMPLES = flags.DEFINE_integer(
    "max_samples",
    1000,
    "Most noise samples that a request may ask for.",
    lower_bound=1,
)
_MAX_IMAGES = flags.DEFINE_integer(
    "max_images", 128, "Most images of a request.", lower_bound=1
)
_MAX_CONNECTIONS = flags.DEFINE_integer(
    "max_connections",
    256,
    "Most connections at a time; further ones get status 503.",
    lower_bound=1,
)
_REQUEST_SECONDS = flags.DEFINE_float(
    "request_seconds",
    60,
    "Seconds for a request to arrive and its answer to be taken; of an idle "
    "connection, too.",
    lower_bound=0.1,
)


def main():
    # Late, so that --help and a wrong flag answer at once.
    from pipeline.serving import application
    from pipeline.serving import server

    classifier = server.ClassifierServer(
        _MODEL_DIR.value,
        _MODEL_NAME.value,
        _HOST.value,
        _PORT.value,
        application.Limits(
            _MAX_SAMPLES.value,
            _MAX_IMAGES.value,
            _MAX_CONNECTIONS.value,
            _REQUEST_SECONDS.value,
        ),
    )
    # Both, for a process that a script starts in the background ignores the
    # first, and containers are stopped by the second.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    print(f"Answering at {classifier.address}:predict", flush=True)
    try:
        classifier.serve_forever()
    except KeyboardInterrupt:
        pass
    # Not waiting for what threads compute for clients that are gone.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    binary.run(main)
