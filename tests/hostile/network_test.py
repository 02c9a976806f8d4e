"""Networks in `.keras` files, damaged, and with code in them."""

import io
import json
import zipfile

import keras
import pytest

from tests.hostile import child
from tests.hostile import payloads


def with_layer(content, layer):
    """Returns a `.keras` file whose last layer has another description."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][-1] = layer
    members["config.json"] = json.dumps(config).encode()
    return payloads.zip_file(members)


def layer_with_code():
    function = eval(
        f"lambda x: __import__('os').system('touch {child.EXECUTED}')"
    )
    return keras.saving.serialize_keras_object(keras.layers.Lambda(function))


class NetworkTest:
    def test_damaged_files(self, prepare, read_damaged, seed, times):
        prepare("network")
        counts = read_damaged("network", "network", seed, times)
        assert not counts["other"]

    def test_code_is_not_run(self, prepare, refuse):
        content = (prepare("network") / "model.keras").read_bytes()
        command = f"touch {child.EXECUTED}"
        layers = {
            "lambda": layer_with_code(),
            "function": {
                "module": "os",
                "class_name": "system",
                "config": {"command": command},
                "registered_name": "system",
            },
            "builtin": {
                "module": "builtins",
                "class_name": "function",
                "config": "exec",
                "registered_name": "function",
            },
            "program": {
                "module": "subprocess",
                "class_name": "Popen",
                "config": {"args": command, "shell": True},
                "registered_name": None,
            },
            "saved model": {
                "module": "keras.layers",
                "class_name": "TFSMLayer",
                "config": {"filepath": "/", "call_endpoint": "serve"},
                "registered_name": None,
            },
        }
        crafted = {k: with_layer(content, v) for k, v in layers.items()}
        found = refuse("network", "model.keras", crafted)
        assert len(found) == len(layers)

    @pytest.mark.parametrize("name", ["../model.weights.h5", "/tmp/a.h5"])
    def test_weights_in_another_place(self, prepare, refuse, name):
        with zipfile.ZipFile(prepare("network") / "model.keras") as archive:
            members = {n: archive.read(n) for n in archive.namelist()}
        members[name] = members.pop("model.weights.h5")
        refuse("network", "model.keras", {"moved": payloads.zip_file(members)})
