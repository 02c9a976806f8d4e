"""Evaluates the pickles of a PyTorch state dict without executing them.

    for each opcode of the pickle:
        an allowed one moves inert values on a stack: numbers, strings,
            containers, and frozen records in place of tensors and storages
        any other opcode, or an unknown global, is an error

Nothing is imported, called or given attributes. The trap: `pickle.Unpickler`
with a limited `find_class` still lets a file set attributes on whatever it may
name, and reserve gigabytes with one memo index. Hence an interpreter of its
own, over `pickletools.genops`.
"""

import dataclasses
import io
import pickletools

_OPCODES_LIMIT = 10_000
_STORAGE_SIZE_LIMIT = 2**20
_ORDERED_DICT = "collections.OrderedDict"
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETER = "torch._utils._rebuild_parameter"
_STORAGE_DTYPES = {
    "torch.FloatStorage": "f4",
    "torch.DoubleStorage": "f8",
    "torch.HalfStorage": "f2",
}
_GLOBALS = {_ORDERED_DICT, _TENSOR, _PARAMETER, *_STORAGE_DTYPES}


@dataclasses.dataclass(frozen=True)
class Storage:
    """`size` numbers of `dtype` (no byte order), kept outside the pickle."""

    dtype: str
    key: str
    size: int


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A strided view of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class _Global:
    """The name of a class or function that a pickle refers to, no more."""

    name: str


class InertPickle:
    """Evaluates the pickles of one file; the file may be hostile.

    Attributes:
        storages: Dict of the `Storage`s that the pickles referred to, by key.
    """

    def __init__(self):
        self.storages = {}

    def load(self, stream: io.BytesIO) -> object:
        """Returns the value of the pickle that starts where `stream` stands.

        `stream` is left right after it. Tensors and parameters come back as
        `Tensor`, ordered dicts as dicts, without their attributes.

        Raises:
            ValueError: if the pickle is cut, corrupt or too long, or has an
                opcode, a global or an argument that no float tensor needs.
            LookupError, TypeError or OverflowError: if its opcodes do not fit
                together.
        """
        self._stack, self._marks, self._memo = [], [], {}
        opcodes = pickletools.genops(stream)
        for count, (opcode, argument, _) in enumerate(opcodes):
            if count == _OPCODES_LIMIT:
                raise ValueError(f"its pickle has over {count} opcodes")
            if opcode.name == "STOP":
                break
            self._step(opcode.name, argument)
        return self._stack.pop()

    def _step(self, opcode, argument):
        stack = self._stack
        match opcode:
            case "PROTO" | "FRAME":
                pass
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                stack.append(argument)
            case "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(argument)
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(opcode == "NEWTRUE")
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "GLOBAL":
                stack.append(_to_global(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack.append(_to_global(*self._pop(2)))
            case "REDUCE":
                stack.append(_reduce(*self._pop(2)))
            case "BUILD":  # Attributes, such as `_metadata`: not needed.
                self._pop(1)
                _check(stack[-1], dict, "BUILD")
            case "BINPERSID":
                stack.append(self._to_storage(*self._pop(1)))
            case _:
                self._step_in_container(opcode)

    def _step_in_container(self, opcode):
        stack = self._stack
        match opcode:
            case "MARK":
                self._marks.append(len(stack))
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._pop(int(opcode[-1]))))
            case "TUPLE":
                stack.append(tuple(self._pop_to_mark()))
            case "EMPTY_LIST":
                stack.append([])
            case "APPEND" | "APPENDS":
                one = opcode == "APPEND"
                items = self._pop(1) if one else self._pop_to_mark()
                _check(stack[-1], list, opcode).extend(items)
            case "EMPTY_DICT":
                stack.append({})
            case "SETITEM" | "SETITEMS":
                one = opcode == "SETITEM"
                items = self._pop(2) if one else self._pop_to_mark()
                for key in items[::2]:
                    _check(key, str, "dict key")
                pairs = zip(items[::2], items[1::2], strict=True)
                _check(stack[-1], dict, opcode).update(pairs)
            case _:
                raise ValueError(f"its pickle has the opcode {opcode}")

    def _pop(self, count):
        if count > len(self._stack):
            raise ValueError("its pickle takes more values than it has")
        values = self._stack[-count:]
        del self._stack[-count:]
        return values

    def _pop_to_mark(self):
        mark = self._marks.pop()
        values = self._stack[mark:]
        del self._stack[mark:]
        return values

    def _to_storage(self, persistent_id):
        # ("storage", type, key, device, size), and in the legacy format the
        # place in another storage, which PyTorch has written as None for long.
        values = _check(persistent_id, tuple, "persistent id")
        if len(values) not in (5, 6) or any(v is not None for v in values[5:]):
            raise ValueError("its pickle has an unknown kind of storage")
        kind, storage_type, key, _, size = values[:5]
        name = _check(storage_type, _Global, "storage type").name
        if kind != "storage" or name not in _STORAGE_DTYPES:
            raise ValueError(f"its pickle has a storage of type {name}")
        _check(key, str, "storage key")
        _check(size, int, "storage size")
        if not 0 <= size <= _STORAGE_SIZE_LIMIT:
            raise ValueError("its pickle has a storage of impossible size")
        storage = Storage(_STORAGE_DTYPES[name], key, size)
        if self.storages.setdefault(key, storage) != storage:
            raise ValueError(f"its storage {key[:40]!r} has two definitions")
        return storage


def _check(value, kind, role):
    # Exact types: a bool is no int here. Values are not shown: they nest.
    if type(value) is not kind:
        raise ValueError(
            f"its pickle has a {type(value).__name__} for {role}, "
            f"not a {kind.__name__}"
        )
    return value


def _to_global(module, name):
    full_name = f"{_check(module, str, 'module')}.{_check(name, str, 'name')}"
    if full_name not in _GLOBALS:
        raise ValueError(f"its pickle names the global {full_name[:80]!r}")
    return _Global(full_name)


def _reduce(function, arguments):
    name = _check(function, _Global, "REDUCE").name
    _check(arguments, tuple, "arguments")
    if name == _ORDERED_DICT and not arguments:
        return {}
    if name == _PARAMETER and len(arguments) == 3:
        return _check(arguments[0], Tensor, "data of a parameter")
    # A seventh argument marks values that are to be negated or conjugated.
    if name != _TENSOR or len(arguments) not in (6, 7) or any(arguments[6:]):
        raise ValueError(f"its pickle has other arguments than ours for {name}")
    storage, offset, shape, strides = arguments[:4]
    _check(storage, Storage, "storage")
    _check(offset, int, "storage offset")
    for size in _check(shape, tuple, "shape"):
        _check(size, int, "shape")
    for stride in _check(strides, tuple, "strides"):
        _check(stride, int, "strides")
    if len(shape) != len(strides):
        raise ValueError(
            f"its pickle has {len(strides)} strides for {len(shape)} axes"
        )
    return Tensor(storage, offset, shape, strides)
