"""PyTorch state dicts, damaged, crafted and random."""

import io
import pickle

import hypothesis
import pytest
from hypothesis import strategies

from mp_keras.perturbation import inert_pickle
from tests.hostile import payloads

_OPCODES = [
    code.encode("latin-1") for code in "(.0NRQ]ae}us)t\x85\x86\x87\x88\x89bl2"
]
_PIECES = strategies.one_of(
    strategies.sampled_from(_OPCODES),
    strategies.sampled_from(
        [
            b"ccollections\nOrderedDict\n",
            b"ctorch\nFloatStorage\n",
            b"ctorch._utils\n_rebuild_tensor_v2\n",
            b"cos\nsystem\n",
            b"X\x07\x00\x00\x00storage",
            b"K\x01",
            b"q\x00",
            b"h\x00",
            b"r\xff\xff\xff\x7f",
            b"j\xff\xff\xff\x7f",
        ]
    ),
    strategies.binary(max_size=4),
)
# What `import_torch_perturbation` turns into its one error.
_PROMISED = (ValueError, LookupError, TypeError, OverflowError)


class TorchPerturbationTest:
    @pytest.mark.parametrize("kind", ["torch zip", "torch legacy"])
    def test_damaged_files(self, prepare, read_damaged, kind, seed, times):
        prepare("torch_phi", kind == "torch legacy")
        counts = read_damaged(kind, "torch_phi", seed, times)
        # The legacy format has no checksum: a flipped bit is another number.
        if kind == "torch zip":
            assert not counts["other"]

    def test_code_is_not_run(self, prepare, refuse):
        prepare("torch_phi")
        code = pickle.dumps({"kernel": payloads.Touch()}, 2)
        magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
        refuse(
            "torch_phi",
            "phi.pth",
            {
                "zip": payloads.zip_file({"archive/data.pkl": code}),
                "legacy": magic + pickle.dumps(1001, 2) + code,
                "plain": code,
            },
        )


class InertPickleTest:
    @hypothesis.given(strategies.lists(_PIECES, max_size=30))
    def test_any_opcodes_give_inert_values_or_an_error(self, pieces):
        stream = io.BytesIO(b"\x80\x02" + b"".join(pieces) + b".")
        try:
            value = inert_pickle.InertPickle().load(stream)
        except _PROMISED:
            return
        kinds = (bool, str, int, float, tuple, list, dict, bytes, type(None))
        inert = (inert_pickle.Storage, inert_pickle.Tensor)
        known = type(value).__name__ == "_Global" or type(value) in inert
        assert known or type(value) in kinds
