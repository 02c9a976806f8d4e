"""Requests and answers as TensorFlow Serving's REST interface writes them."""

import base64

import numpy as np
import pytest
import tensorflow as tf

from pipeline.serving import json_tensors

TAG = tf.TensorSpec((None,), tf.string, "tag")
SIGNAL = tf.TensorSpec((None, 2), tf.int32, "signal")
LEVEL = tf.TensorSpec((None,), tf.float32, "level")
PIXELS = tf.TensorSpec((None, 2), tf.uint8, "images")
COUNT = tf.TensorSpec((), tf.int32, "count")


def read(request, *specs):
    """Returns the tensors of a request as nested lists, and the form."""
    by_name = {spec.name: spec for spec in specs}
    tensors, form = json_tensors.read_request(request, by_name)
    for name, tensor in tensors.items():
        assert tensor.dtype == by_name[name].dtype
    return {name: t.numpy().tolist() for name, t in tensors.items()}, form


class ReadRequestTest:
    def test_rows_and_columns_give_the_same(self):
        # The documentation's own example, in both of its forms.
        rows = [
            {"tag": "foo", "signal": [1, 2]},
            {"tag": "bar", "signal": [3, 4]},
        ]
        columns = {"tag": ["foo", "bar"], "signal": [[1, 2], [3, 4]]}
        expected = {"tag": [b"foo", b"bar"], "signal": [[1, 2], [3, 4]]}
        actual = read({"instances": rows}, TAG, SIGNAL)
        assert actual == (expected, "instances")
        actual = read({"inputs": columns}, TAG, SIGNAL)
        assert actual == (expected, "inputs")

    @pytest.mark.parametrize("form", ["instances", "inputs"])
    def test_one_input_goes_without_its_name(self, form):
        tensors, _ = read({form: [1, 2.5]}, LEVEL)
        assert tensors == {"level": [1.0, 2.5]}

    def test_scalars_go_into_columns(self):
        request = {"images": [[0, 255]], "count": 7}
        tensors, _ = read({"inputs": request}, PIXELS, COUNT)
        assert tensors == {"images": [[0, 255]], "count": 7}
        rows = [{"images": [0, 255], "count": 7}]
        with pytest.raises(ValueError, match=r"`count` must have shape \(\)"):
            read({"instances": rows}, PIXELS, COUNT)

    @pytest.mark.parametrize("named", [True, False])
    def test_bytes_are_base64(self, named):
        content = bytes(range(256))
        row = {"b64": base64.b64encode(content).decode()}
        request = {"instances": [{"tag": row} if named else row]}
        assert read(request, TAG)[0] == {"tag": [content]}

    @pytest.mark.parametrize(
        ("request_", "message"),
        [
            ({}, "either `instances` or `inputs`"),
            ({"instances": [1], "inputs": [1]}, "either"),
            ({"instances": []}, "at least one row"),
            ({"instances": 5}, "at least one row"),
            ({"instances": [[1, 2], {"images": [1, 2]}]}, "rows of one kind"),
            ({"instances": [{"image": [1, 2]}]}, r"\['images'\].*'image'"),
            ({"inputs": {}}, r"\['images'\] .*Received: \[\]"),
            ({"inputs": [[1, 2], [3]]}, "lists of equal length"),
            ({"inputs": [[0.5, 1]]}, "`images` must be uint8. Received"),
            ({"inputs": [["1", "2"]]}, "`images` must be uint8"),
            ({"inputs": [[True, False]]}, "`images` must be uint8"),
            ({"inputs": [[0, 256]]}, "from 0 to 255.*from 0 to 256"),
            ({"inputs": [[-1, 0]]}, "from 0 to 255.*from -1 to 0"),
            ({"inputs": [[1, 2, 3]]}, r"\(None, 2\).*\(1, 3\)"),
            ({"inputs": [10**30, 1]}, "`images` must be uint8"),
        ],
    )
    def test_names_what_is_wrong(self, request_, message):
        with pytest.raises(ValueError, match=message):
            read(request_, PIXELS)

    @pytest.mark.parametrize("form", ["instances", "inputs"])
    def test_several_inputs_need_names(self, form):
        with pytest.raises(ValueError, match="by name"):
            read({form: [[1, 2]]}, TAG, SIGNAL)

    @pytest.mark.parametrize("value", [[1], [{"b64": "?"}], [{"b64": 5}]])
    def test_wrong_bytes(self, value):
        with pytest.raises(ValueError, match="`tag` must be string"):
            read({"inputs": {"tag": value}}, TAG)


class WriteResponseTest:
    ONE = {"level": tf.constant([[0.2, 1.0]])}
    TWO = {"level": tf.constant([0.2, 1.0]), "count": tf.constant([3, 4])}

    @pytest.mark.parametrize(
        ("outputs", "form", "expected"),
        [
            (ONE, "instances", {"predictions": [[0.2, 1.0]]}),
            (ONE, "inputs", {"outputs": [[0.2, 1.0]]}),
            (
                TWO,
                "instances",
                {
                    "predictions": [
                        {"level": 0.2, "count": 3},
                        {"level": 1.0, "count": 4},
                    ]
                },
            ),
            (
                TWO,
                "inputs",
                {"outputs": {"level": [0.2, 1.0], "count": [3, 4]}},
            ),
        ],
    )
    def test_one_output_goes_without_its_name(self, outputs, form, expected):
        assert json_tensors.write_response(outputs, form) == expected

    def test_every_float_comes_back(self):
        values = np.random.default_rng(0).normal(size=50).astype("float32")
        values[:3] = 1e-30, 3e38, np.float32(1) / 3
        outputs = {"level": tf.constant(values)}
        answer = json_tensors.write_response(outputs, "inputs")
        actual = np.array(answer["outputs"], "float32")
        np.testing.assert_array_equal(actual, values)
