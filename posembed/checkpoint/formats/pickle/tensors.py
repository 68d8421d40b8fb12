"""The tensors that a pickle describes: dtype, shape and where the numbers lie; read without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from posembed.checkpoint.formats.pickle.nodes import Call, Global, Items, Node, PickleFaultError, Storage

_LARGEST = (1 << 63) - 1
_MAX_DIMENSIONS = 32  # NumPy 1's; nothing published has more than 6
_WRAPPED = 8  # parameters in parameters in …; torch has one level

# Names of storages and dtypes in torch: the dtype as safetensors writes it, and the array type of one number.
DTYPES: dict[str, tuple[str, np.dtype[Any] | None]] = {
    "float64": ("F64", np.dtype("<f8")),
    "float32": ("F32", np.dtype("<f4")),
    "float16": ("F16", np.dtype("<f2")),
    "bfloat16": ("BF16", np.dtype(ml_dtypes.bfloat16)),
    "int64": ("I64", np.dtype("<i8")),
    "int32": ("I32", np.dtype("<i4")),
    "int16": ("I16", np.dtype("<i2")),
    "int8": ("I8", np.dtype("i1")),
    "uint8": ("U8", np.dtype("u1")),
    "uint16": ("U16", np.dtype("<u2")),
    "uint32": ("U32", np.dtype("<u4")),
    "uint64": ("U64", np.dtype("<u8")),
    "bool": ("BOOL", np.dtype(np.bool_)),
    "complex64": ("C64", np.dtype("<c8")),
    "complex128": ("C128", np.dtype("<c16")),
    "complex32": ("C32", np.dtype("<u4")),
    "float8_e4m3fn": ("F8_E4M3", np.dtype(ml_dtypes.float8_e4m3fn)),
    "float8_e5m2": ("F8_E5M2", np.dtype(ml_dtypes.float8_e5m2)),
    "float8_e4m3fnuz": ("F8_E4M3FNUZ", np.dtype(ml_dtypes.float8_e4m3fnuz)),
    "float8_e5m2fnuz": ("F8_E5M2FNUZ", np.dtype(ml_dtypes.float8_e5m2fnuz)),
    "float8_e8m0fnu": ("F8_E8M0", np.dtype("u1")),
    "qint8": ("quantized I8", np.dtype("i1")),
    "quint8": ("quantized U8", np.dtype("u1")),
    "qint32": ("quantized I32", np.dtype("<i4")),
    "quint4x2": ("quantized U4", np.dtype("u1")),
    "quint2x4": ("quantized U2", np.dtype("u1")),
}
_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "QInt8Storage": "qint8",
    "QUInt8Storage": "quint8",
    "QInt32Storage": "qint32",
    "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}


@dataclass(frozen=True, slots=True)
class StorageRef:
    """The numbers behind one tensor or several.

    Attributes:
        key: its name in the file.
        dtype: torch's name of it; empty where the storage is bytes and each tensor says its own.
        count: how many numbers, or bytes, there are.
        start: of a view of another storage, as torch 0.3 wrote them: its first number.
        on_meta: whether the numbers were not saved.
    """

    key: str
    dtype: str
    count: int
    start: int = 0
    on_meta: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return self.count * width(self.dtype) if self.dtype else self.count


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor: where its numbers lie, and how.

    Attributes:
        call: the call that makes it, without a parameter's wrapping.
        storage: its numbers; ``None`` where they are not one block.
        dtype: torch's name.
        offset: first number.
        shape: its shape.
        strides: in numbers.
        negative: whether the stored numbers are the negated ones.
        special: why the numbers cannot be read as rows, in one or two words; empty where they can.
    """

    call: Call
    storage: StorageRef | None
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    negative: bool = False
    special: str = ""

    @property
    def dtype_name(self) -> str:
        """The dtype as safetensors writes it; what is special about the tensor stands before it."""
        name = DTYPES.get(self.dtype, (self.dtype, None))[0]
        return f"{self.special} {name}".strip() if self.special and not name.startswith(self.special) else name

    def same_place(self, other: TensorRef) -> bool:
        """Return whether two tensors are the same numbers in the same order."""
        ours, theirs = self.storage, other.storage
        if ours is None or theirs is None or self.special or other.special:
            return False
        return (ours.key, self.dtype, self.offset, self.shape, self.strides) == (
            theirs.key,
            other.dtype,
            other.offset,
            other.shape,
            other.strides,
        )


def width(dtype: str) -> int:
    """Return the bytes of one number.

    Raises:
        PickleFaultError: for a dtype that is not known.
    """
    known = DTYPES.get(dtype, ("", None))[1]
    if known is None:
        raise PickleFaultError(f"it has the dtype {dtype[:100]!r}, which is not known")
    return known.itemsize


def tensor_of(node: Node) -> TensorRef | None:
    """Return the tensor that a call makes, or ``None`` if it makes something else.

    Raises:
        PickleFaultError: for a tensor whose numbers do not fit together.
    """
    for _ in range(_WRAPPED):
        if not isinstance(node, Call) or not isinstance(node.arguments, tuple):
            return None
        name, arguments = node.function.name, node.arguments
        if node.function.module == "torch._tensor" and name == "_rebuild_from_type_v2":
            inner = arguments[2] if len(arguments) > 2 else ()
            node = Call(arguments[0], inner, "reduce") if isinstance(arguments[0], Global) else None
            continue
        if node.function.module == "torch.nn.parameter" and name == "Parameter":
            node = arguments[0] if arguments else None
            continue
        if node.function.module != "torch._utils":
            return None
        if name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
            node = arguments[0] if arguments else None
            continue
        try:
            return _tensor(node, name, arguments)
        except (IndexError, TypeError, ValueError) as error:
            raise PickleFaultError("it describes a tensor that cannot be") from error
    raise PickleFaultError("it describes a tensor that cannot be")


def _tensor(call: Call, name: str, arguments: tuple[Any, ...]) -> TensorRef:
    if name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"):
        storage = storage_of(arguments[0])
        offset = storage.start + _count(arguments[1])
        dtype = storage.dtype
        bits = arguments[6] if name.endswith("v2") and len(arguments) > 6 else None
        if name.endswith("v3"):
            dtype = arguments[6].name
            bits = arguments[7] if len(arguments) > 7 else None
        negative, conjugate = (isinstance(bits, Items) and bits.get(flag) is True for flag in ("neg", "conj"))
        shape, strides = _sizes(arguments[2]), _sizes(arguments[3])
        special = "meta" if storage.on_meta else "conjugated" if conjugate else ""
        ref = TensorRef(call, storage, dtype, offset, shape, strides, negative, special)
        return ref if special else _checked(ref)
    if name == "_rebuild_qtensor":
        storage = storage_of(arguments[0])
        return TensorRef(call, None, storage.dtype, 0, _sizes(arguments[2]), (), special="quantized")
    if name == "_rebuild_meta_tensor_no_storage":
        return TensorRef(call, None, arguments[0].name, 0, _sizes(arguments[1]), (), special="meta")
    if name == "_rebuild_sparse_tensor":
        parts = arguments[1]
        shape = _sizes(next(part for part in reversed(parts) if not isinstance(part, bool)))
        values = next((ref for ref in map(tensor_of, reversed(parts)) if ref is not None), None)
        return TensorRef(call, None, values.dtype if values is not None else "", 0, shape, (), special="sparse")
    special = "nested" if name == "_rebuild_nested_tensor" else name.removeprefix("_rebuild_")[:40]
    return TensorRef(call, None, "", 0, (), (), special=special)


def _checked(ref: TensorRef) -> TensorRef:
    """A tensor whose numbers all lie in its storage; one that repeats them is special."""
    assert ref.storage is not None
    if len(ref.shape) != len(ref.strides) or len(ref.shape) > _MAX_DIMENSIONS:
        raise PickleFaultError("it has a tensor of another number of strides than sides")
    itemsize = width(ref.dtype)
    count = ref.storage.count if ref.storage.dtype else ref.storage.count // itemsize
    if math.prod(max(side, 1) for side in ref.shape) * itemsize > _LARGEST:
        raise PickleFaultError("it has a tensor larger than an array can be")
    if 0 in ref.shape:
        return ref
    last = ref.offset + sum((side - 1) * stride for side, stride in zip(ref.shape, ref.strides, strict=True))
    if last >= count:
        raise PickleFaultError(f"it has a tensor of shape {list(ref.shape)} that is larger than its storage")
    if math.prod(ref.shape) > count:
        return TensorRef(ref.call, ref.storage, ref.dtype, ref.offset, ref.shape, ref.strides, special="expanded")
    return ref


def storage_of(node: Any) -> StorageRef:
    """Return the storage that a persistent id names.

    Raises:
        PickleFaultError: for one that torch does not write.
    """
    pid = node.pid if isinstance(node, Storage) else None
    if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage" or not isinstance(pid[1], Global):
        raise PickleFaultError("it has a storage of an unknown kind")
    key, location, name = str_of(pid[2]), pid[3], pid[1].name
    if name != "UntypedStorage" and name not in _STORAGES:
        raise PickleFaultError(f"it has a storage of the type {name[:100]!r}, which is not known")
    start = 0
    if len(pid) == 6 and isinstance(pid[5], tuple):
        start = _count(pid[5][1])
    return StorageRef(key, _STORAGES.get(name, ""), _count(pid[4]), start, location == "meta")


def str_of(key: Node) -> str:
    """Return a storage's name as text; torch 0.3 used numbers."""
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise PickleFaultError("it has a storage without a name")
    return str(key)


def _sizes(node: Any) -> tuple[int, ...]:
    if isinstance(node, Call) and node.function.name == "Size" and isinstance(node.arguments, tuple):
        node = node.arguments[0]
    if not isinstance(node, Sequence) or isinstance(node, str | bytes) or len(node) > _MAX_DIMENSIONS:
        raise PickleFaultError("it has a tensor without a shape")
    return tuple(_count(side) for side in node)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise PickleFaultError("it has a tensor or storage of an impossible size")
    return value
