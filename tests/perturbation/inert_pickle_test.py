"""Tests that a hostile pickle is refused, and that nothing of it is run."""

import builtins
import collections
import io
import os
import pickle

import pytest

from mp_keras.perturbation.inert_pickle import InertPickle
from mp_keras.perturbation.inert_pickle import Storage
from tests.perturbation import torch_files

PROTOCOLS = pytest.mark.parametrize("protocol", range(6))
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


class Hostile:
    """Runs `function(*arguments)` in whoever unpickles it in the usual way."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def load(content):
    return InertPickle().load(io.BytesIO(content))


class TestInertPickle:
    @pytest.mark.parametrize("protocol", [2, 3, 4, 5])
    def test_containers(self, protocol):
        value = {"a": (1, -2, 3, 4, 2**40, 0.5), "b": [None, (True, False), ()]}
        assert load(pickle.dumps(value, protocol)) == value
        ordered = collections.OrderedDict(value)
        ordered.note = "an attribute"
        assert load(pickle.dumps(ordered, protocol)) == value

    @pytest.mark.parametrize("more", [(), (None,)], ids=["zip", "legacy"])
    def test_storage(self, more):
        values = "storage", torch_files.FLOAT, "7", "cuda:0", 3, *more
        content = torch_files.Encoder(2).dump(torch_files.Persistent(values))
        pickled = InertPickle()
        assert pickled.load(io.BytesIO(content)) == Storage("f4", "7", 3)
        assert pickled.storages == {"7": Storage("f4", "7", 3)}

    def test_stream_is_left_after_the_pickle(self):
        stream = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("a", 4) + b"x")
        assert InertPickle().load(stream) == [1]
        assert InertPickle().load(stream) == "a"
        assert stream.read() == b"x"

    @PROTOCOLS
    def test_calls_are_not_made(self, protocol, tmp_path):
        path = str(tmp_path / "made")
        for hostile in (
            Hostile(os.system, f"touch {path}"),
            Hostile(builtins.eval, f"open({path!r}, 'w')"),
        ):
            content = pickle.dumps({"kernel": hostile}, protocol)
            with pytest.raises(ValueError, match="the global|the opcode"):
                load(content)
            assert not os.path.exists(path)
            pickle.loads(content)  # The same bytes do harm elsewhere.
            os.remove(path)

    @pytest.mark.parametrize(
        "content, match",
        [
            (b"cos\nsystem\n.", "the global 'os.system'"),
            (b"ctorch\nload\n.", "the global 'torch.load'"),
            (b"\x8c\x02os\x8c\x06system\x93.", "the global 'os.system'"),
            (b"N)\x93.", "a NoneType for module"),
            (b"(ios\nsystem\n.", "the opcode INST"),
            (b"\x82\x01.", "the opcode EXT1"),
            (TENSOR + b")\x81.", "the opcode NEWOBJ"),
            (TENSOR + b"}b.", "a _Global for BUILD, not a dict"),
            (TENSOR + b")R.", "other arguments than ours"),
            (b"}NR.", "a dict for REDUCE"),
            (b"NQ.", "a NoneType for persistent id"),
            (b"}N]s.", "a NoneType for dict key"),
            (b"N\x8c\0Ns.", "a NoneType for SETITEM"),
        ],
    )
    def test_opcodes(self, content, match):
        with pytest.raises(ValueError, match=match):
            load(content)

    @pytest.mark.parametrize(
        "content",
        [
            b"\x96" + b"\xff" * 8 + b".",  # A bytearray of 2**64 bytes.
            b"(" * 20_000 + b".",
            b"]q\0" + b"]q\1(h\0h\0e" * 2_000 + b".",
        ],
        ids=["bytes", "marks", "long"],
    )
    def test_bombs(self, content):
        with pytest.raises((ValueError, OverflowError)):
            load(content)

    def test_memo_index_reserves_nothing(self):
        # The standard unpickler reserves 64 GiB here.
        assert load(b"Nr\xff\xff\xff\xff.") is None
