"""Tests of the PyTorch state dict reader, on files written without PyTorch."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from mp_keras.perturbation.torch_checkpoint import SHAPES
from mp_keras.perturbation.torch_checkpoint import read_torch_perturbation
from tests.perturbation.torch_files import PARAMETER
from tests.perturbation.torch_files import Call
from tests.perturbation.torch_files import Name
from tests.perturbation.torch_files import legacy_file
from tests.perturbation.torch_files import make_arrays
from tests.perturbation.torch_files import make_state
from tests.perturbation.torch_files import storage
from tests.perturbation.torch_files import strides_of
from tests.perturbation.torch_files import view
from tests.perturbation.torch_files import zip_file

FORMATS = pytest.mark.parametrize("write", ["zip", "legacy"], indirect=True)


def assert_same(actual, expected):
    assert list(actual) == list(SHAPES)
    for name, array in expected.items():
        np.testing.assert_array_equal(actual[name], array, strict=True)


@pytest.fixture
def write(request):
    return {"zip": zip_file, "legacy": legacy_file}[request.param]


@pytest.fixture
def read(tmp_path):
    path = tmp_path / "phi.pth"

    def read_bytes(content):
        path.write_bytes(content)
        try:
            return read_torch_perturbation(path)
        except ValueError as error:  # The only error, and it names the file.
            assert f"Received: path={str(path)!r}" in str(error)
            raise

    return read_bytes


class TestReadTorchPerturbation:
    @FORMATS
    @pytest.mark.parametrize("protocol", [2, 4])
    def test_numbers(self, read, write, protocol):
        content = write(*make_state(make_arrays()), protocol=protocol)
        assert_same(read(content), make_arrays())

    @FORMATS
    @pytest.mark.parametrize("dtype", ["f2", "f8"])
    def test_other_precision_becomes_float32(self, read, write, dtype):
        arrays = make_arrays(dtype)
        expected = {k: v.astype("f4") for k, v in arrays.items()}
        assert_same(read(write(*make_state(arrays))), expected)

    def test_published_file(self, shared):
        path = shared / "official" / "perturb_750.pth"
        if not path.exists():
            pytest.skip("the published φ is not on this machine")
        with np.load(shared / "official" / "phi_parity.npz") as parity:
            expected = {name: parity[f"phi/{name}"] for name in SHAPES}
        assert_same(read_torch_perturbation(path), expected)

    @FORMATS
    def test_parameters(self, read, write):
        state, data = make_state(make_arrays())
        state = {k: Call(PARAMETER, (v, True, None)) for k, v in state.items()}
        assert_same(read(write(state, data)), make_arrays())

    @FORMATS
    def test_views_of_one_storage(self, read, write):
        # Storage 99, 0, 1 ... 81; the kernel's last two axes are swapped.
        state, start = {}, 1
        for name, shape in SHAPES.items():
            strides = strides_of(shape)
            if name == "kernel":
                strides = (9, 9, 1, 3)
            state[name] = view(storage("0", 83), shape, strides, start)
            start += int(np.prod(shape))
        numbers = np.array([99, *range(82)], "f4")
        actual = read(write(state, {"0": numbers}))
        assert actual["kernel"][1, 0].tolist() == [
            [9, 12, 15],
            [10, 13, 16],
            [11, 14, 17],
        ]
        assert actual["fc.weight"].tolist() == [list(range(72, 82))]

    @pytest.mark.parametrize(
        "options",
        [
            {"order": ">"},
            {"prefix": "a/b"},
            {"marks": {"version": b"3\n"}},
        ],
    )
    def test_zip_layouts(self, read, options):
        content = zip_file(*make_state(make_arrays()), **options)
        assert_same(read(content), make_arrays())

    def test_missing_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            read_torch_perturbation(tmp_path / "phi.pth")


class TestRefusedStateDicts:
    @FORMATS
    @pytest.mark.parametrize(
        "change, match",
        [
            ({"kernel": None}, "missing: 'kernel' \\(4, 1, 3, 3\\)"),
            ({"bias": (1,)}, "unexpected: 'bias' \\(1,\\)"),
            (
                {"kernel": (1, 4, 3, 3)},
                "of another shape: 'kernel' \\(1, 4, 3, 3",
            ),
        ],
    )
    def test_names_and_shapes(self, read, write, change, match):
        arrays = make_arrays()
        for name, shape in change.items():
            arrays.pop(name, None)
            if shape:
                arrays[name] = np.zeros(shape, "f4")
        with pytest.raises(ValueError, match=match):
            read(write(*make_state(arrays)))

    @FORMATS
    @pytest.mark.parametrize("number", [np.nan, -np.inf, 1e300])
    def test_not_finite(self, read, write, number):
        arrays = make_arrays("f8")
        arrays["fc.weight"][0, 3] = number
        with pytest.raises(ValueError, match="'fc.weight' has a number that"):
            read(write(*make_state(arrays)))

    @FORMATS
    @pytest.mark.parametrize(
        "tensor, match",
        [
            (view(storage("5", 10), (1, 10), (10, 1), 1), "reaches outside"),
            (view(storage("5", 10), (1, 10), (10, -1), 9), "reaches outside"),
            (view(storage("5", 10), (1, 10), (10, 1), -1), "reaches outside"),
            (view(storage("5", 10), (1, 10), (10, 2)), "reaches outside"),
            (view(storage("5", 10), (1, 10), (1,)), "1 strides for 2"),
            (
                view(storage("5", 10), (1, 10), (1, 1), 0, ({"neg": True},)),
                "other",
            ),
            (view(storage("5", 2**30), (1, 10), (10, 1)), "impossible size"),
            (view(storage("0", 10), (1, 10), (10, 1)), "two definitions"),
            (view(storage("5", 10, PARAMETER), (), ()), "of type"),
            (Call(Name("os", "system"), ("false",)), "global 'os.system'"),
            ("text", "'fc.weight' str"),
        ],
    )
    def test_tensors(self, read, write, tensor, match):
        state, data = make_state(make_arrays())
        state["fc.weight"] = tensor
        if tensor == "text":
            del data["5"]
        with pytest.raises(ValueError, match=match):
            read(write(state, data))


class TestRefusedFiles:
    @pytest.mark.parametrize(
        "content, match",
        [
            (b"", "it is empty"),
            (b"Not a PyTorch file.\n", "82 numbers"),
            (b"\x93NUMPY\x01\0", "takes more values than it has"),
            (pickle.dumps({"kernel": 1}), "magic number"),
            (bytes(2**20 + 1), "larger than 1048576 bytes"),
        ],
        ids=["empty", "text", "numpy", "pickle", "large"],
    )
    def test_other_files(self, read, content, match):
        with pytest.raises(ValueError, match=match):
            read(content)

    def test_npz(self, read):
        file = io.BytesIO()
        np.savez(file, **make_arrays())
        with pytest.raises(ValueError, match="without a single data.pkl"):
            read(file.getvalue())

    @pytest.mark.parametrize(
        "options, match",
        [
            ({"marks": {"byteorder": b"middle"}}, "byte order is b'middle'"),
            ({"marks": {"x/data.pkl": b""}}, "without a single data.pkl"),
        ],
    )
    def test_zip_layouts(self, read, options, match):
        with pytest.raises(ValueError, match=match):
            read(zip_file(*make_state(make_arrays()), **options))

    def test_zip_with_oversized_member(self, read):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", bytes(2**24))
        with pytest.raises(ValueError, match="is compressed or larger than"):
            read(file.getvalue())

    def test_zip_whose_storage_is_short(self, read):
        state, data = make_state(make_arrays())
        with pytest.raises(ValueError, match="36 bytes, not 10 numbers of 4"):
            read(zip_file(state, {**data, "5": np.zeros(9, "f4")}))
        with pytest.raises(ValueError, match="archive/data/5"):
            del data["5"]
            read(zip_file(state, data))

    @pytest.mark.parametrize(
        "options, match",
        [
            (
                {"little_endian": False},
                "not written by a little-endian machine",
            ),
            ({"version": 1002}, "protocol version is not 1001"),
        ],
    )
    def test_legacy_heads(self, read, options, match):
        with pytest.raises(ValueError, match=match):
            read(legacy_file(*make_state(make_arrays()), **options))

    def test_legacy_with_other_storages(self, read):
        state, data = make_state(make_arrays())
        more = {**data, "6": np.zeros(1, "f4")}
        with pytest.raises(ValueError, match="list of storages does not match"):
            read(legacy_file(state, more))
        with pytest.raises(ValueError, match="storage '5' has another size"):
            read(legacy_file(state, {**data, "5": np.zeros(11, "f4")}))
        with pytest.raises(ValueError, match="more bytes after its last"):
            read(legacy_file(state, data) + b"x")
