"""Writes PyTorch state dicts without PyTorch, in both of its formats."""

import collections
import io
import pickle
import struct
import zipfile

import numpy as np

from mp_keras.perturbation.torch_checkpoint import SHAPES

Name = collections.namedtuple("Name", "module name")
Call = collections.namedtuple("Call", "function arguments")
Persistent = collections.namedtuple("Persistent", "id")
ORDERED_DICT = Call(Name("collections", "OrderedDict"), ())
TENSOR = Name("torch._utils", "_rebuild_tensor_v2")
PARAMETER = Name("torch._utils", "_rebuild_parameter")
STORAGES = {"e": "HalfStorage", "f": "FloatStorage", "d": "DoubleStorage"}
FLOAT = Name("torch", "FloatStorage")
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


class Encoder:
    """Writes a pickle of names and calls without having or making them."""

    def __init__(self, protocol):
        self.protocol = protocol
        self.memo = {}

    def dump(self, value):
        return b"\x80%c%b." % (self.protocol, self.encode(value))

    def encode(self, value):
        match value:
            case Name() if value in self.memo:
                return b"h%c" % self.memo[value]
            case Name() if self.protocol >= 4:
                self.memo[value] = len(self.memo)
                return self.join(value) + b"\x93\x94"
            case Name():
                self.memo[value] = len(self.memo)
                name = "c{}\n{}\n".format(*value).encode()
                return name + b"q%c" % self.memo[value]
            case Call():
                return self.join(value) + b"R"
            case Persistent():
                return self.encode(value.id) + b"Q"
            case tuple():
                return b"(" + self.join(value) + b"t"
            case collections.OrderedDict():
                # With an attribute, as PyTorch's have.
                pickled = self.encode(ORDERED_DICT)
                pickled += b"(" + self.join(sum(value.items(), ())) + b"u"
                return pickled + self.encode({"_metadata": {}}) + b"b"
            case dict():
                return b"}(" + self.join(sum(value.items(), ())) + b"u"
            case str() if self.protocol >= 4:
                return b"\x8c%c%b" % (len(value), value.encode())
            case _:
                return pickle.dumps(value, 2)[2:-1].removesuffix(b"q\0")

    def join(self, values):
        return b"".join(map(self.encode, values))


def storage(key, count, kind=FLOAT):
    return Persistent(("storage", kind, key, "cuda:0", count))


def view(source, shape, strides, offset=0, extra=()):
    return Call(TENSOR, (source, offset, shape, strides, False, None, *extra))


def strides_of(shape):
    return tuple(int(np.prod(shape[i + 1 :])) for i in range(len(shape)))


def zip_file(state, data, order="<", protocol=2, prefix="archive", marks=None):
    orders = {"<": b"little", ">": b"big"}
    members = {"data.pkl": Encoder(protocol).dump(state)}
    members |= marks or {"byteorder": orders[order], "version": b"3\n"}
    for key, numbers in data.items():
        dtype = numbers.dtype.newbyteorder(order)
        members[f"data/{key}"] = numbers.astype(dtype).tobytes()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{prefix}/{name}", content)
    return file.getvalue()


def legacy_file(state, data, little_endian=True, protocol=2, version=1001):
    system = {"protocol_version": 1001, "little_endian": little_endian}
    parts = [pickle.dumps(v, 2) for v in (MAGIC_NUMBER, version, system)]
    parts += [Encoder(protocol).dump(state), pickle.dumps(sorted(data), 2)]
    for _, numbers in sorted(data.items()):
        parts += [struct.pack("<q", numbers.size), numbers.tobytes()]
    return b"".join(parts)


def make_state(arrays):
    state, data = collections.OrderedDict(), {}
    for key, (name, array) in enumerate(arrays.items()):
        kind = Name("torch", STORAGES[array.dtype.char])
        data[str(key)] = array.ravel()
        source = storage(str(key), array.size, kind)
        state[name] = view(source, array.shape, strides_of(array.shape))
    return state, data


def make_arrays(dtype="f4"):
    generator = np.random.default_rng(0)
    return {
        name: generator.normal(size=shape).astype(dtype)
        for name, shape in SHAPES.items()
    }
