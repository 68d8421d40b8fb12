"""The stack, marks and memo with which a pickle is read, and the bounds on its time and memory.

The pickle of a checkpoint is small, because the numbers lie outside of it. A few kilobytes can all the same describe
fifty million nested marks, or a list that doubles with every line. So each operation is counted, nothing is hashed or
compared but short texts, and shared parts stay shared.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import BinaryIO, Literal

from posembed.checkpoint.formats.pickle.calls import makes_data, may_be_named
from posembed.checkpoint.formats.pickle.nodes import (
    Call,
    Global,
    Items,
    Members,
    Node,
    PickleFaultError,
    Raw,
    UnsafePickleError,
)

# A tensor takes about 40 operations: half a million are 12,000 tensors. An operation makes at most about 130 bytes of
# objects, so the free ones take 65 MB, and the further ones no more than the file.
FREE_OPERATIONS = 500_000
BYTES_PER_OPERATION = 128
MOST_OPERATIONS = 4_000_000  # some five seconds; a file of 500 MB and more would be allowed that many
# The pickle of 30,000 tensors has about 6 MB. Text may take four times its bytes in memory.
FREE_BYTES = 16 << 20
FILE_BYTES_PER_BYTE = 64
LONG_TEXT = 512  # bytes; longer text that is not ASCII stays as it is, and so does all text of more than LONGEST_TEXT
LONGEST_TEXT = 64 << 10
LONG_NUMBER = 64  # bytes; random generators save states of 16 bytes
SHOWN = 200  # characters of a function's name in a message
LINE = 1 << 16  # bytes of a line in the oldest protocol


def most_bytes(file_size: int) -> int:
    """Return how many bytes the pickle of a file may have."""
    return FREE_BYTES + file_size // FILE_BYTES_PER_BYTE


class Machine:
    """The stack, marks and memo of a pickle while it is read."""

    def __init__(self, stream: BinaryIO, file_size: int) -> None:
        self.stream = stream
        self.start = stream.tell()
        self.most_bytes = most_bytes(file_size)
        self.most = min(MOST_OPERATIONS, FREE_OPERATIONS + file_size // BYTES_PER_OPERATION)
        self.stack: list[Node] = []
        self.marks: list[int] = []
        self.memo: dict[int, Node] = {}
        self.names: dict[tuple[str, str], Global] = {}

    def run(self, operations: Mapping[bytes, Callable[[Machine], None]]) -> Node:
        """Carry out the operations of the pickle up to its last, and return what is then on the stack."""
        read = self.stream.read
        for _ in range(self.most):
            code = read(1)
            if code == b".":
                return self.stack.pop()
            operation = operations.get(code)
            if operation is None:
                what = f"it has the operation {code!r}" if code else "it is cut off"
                raise PickleFaultError(f"{what}, which no checkpoint needs" if code else what)
            operation(self)
        raise PickleFaultError(f"it has more than {self.most} operations, out of proportion to its size")

    def take(self, count: int) -> bytes:
        """Read exactly so many bytes."""
        if count < 0 or self.stream.tell() - self.start + count > self.most_bytes:
            raise PickleFaultError(f"it has more than {self.most_bytes} bytes besides the tensors")
        data = self.stream.read(count)
        if len(data) < count:
            raise PickleFaultError("it is cut off")
        return data

    def number(self, form: str) -> int:
        """Read one number of a fixed size."""
        value = struct.unpack(form, self.take(struct.calcsize(form)))[0]
        return int(value)

    def line(self) -> bytes:
        """Read a line of the oldest protocol."""
        line = self.stream.readline(LINE)
        if not line.endswith(b"\n"):
            raise PickleFaultError("it is cut off")
        return line[:-1]

    def to_mark(self) -> list[Node]:
        """Take everything above the last mark from the stack."""
        mark = self.marks.pop()
        above = self.stack[mark:]
        del self.stack[mark:]
        return above

    def global_(self, module: str, name: str) -> Global:
        """Return a name, each once."""
        known = self.names.get((module, name))
        if known is None:
            known = self.names[module, name] = Global(module, name)
            if not may_be_named(known):
                raise UnsafePickleError(known.dotted[:SHOWN])
        return known

    def call(self, function: Node, arguments: Node, how: Literal["reduce", "new", "new_ex"]) -> None:
        """Push an object."""
        if not isinstance(function, Global):
            raise UnsafePickleError("a function that it computes")
        if not makes_data(function, how):
            raise UnsafePickleError(function.dotted[:SHOWN])
        if not isinstance(arguments, tuple):
            raise PickleFaultError("a call has no tuple of arguments")
        if function.name == "_rebuild_from_type_v2":  # calls its first argument
            inner = arguments[0] if arguments else None
            if not isinstance(inner, Global) or not makes_data(inner, "reduce"):
                raise UnsafePickleError(function.dotted)
        self.stack.append(Call(function, arguments, how))

    def text(self, data: bytes, errors: str = "surrogatepass") -> None:
        """Push a text; a long one as it is."""
        if len(data) > LONGEST_TEXT or (len(data) > LONG_TEXT and not data.isascii()):
            self.stack.append(Raw(b"X" + struct.pack("<I", len(data)) + data))
        else:
            self.stack.append(data.decode("utf-8", errors))

    def put(self, place: int) -> None:
        """Remember the top of the stack."""
        self.memo[place] = self.stack[-1]


Operation = Callable[[Machine], None]


def even(values: list[Node]) -> list[Node]:
    """Return keys and values if each key has one."""
    if len(values) % 2:
        raise PickleFaultError("a key has no value")
    return values


def items_of(target: Node) -> Items:
    """Return the entries of a mapping or object, to add to them."""
    if isinstance(target, Call):
        if target.items is None:
            target.items = Items()
        return target.items
    if not isinstance(target, Items):
        raise PickleFaultError("it sets an entry of something that is not a mapping")
    return target


def list_of(target: Node) -> list[Node]:
    """Return the elements of a list or object, to add to them."""
    if isinstance(target, Call):
        if target.members is None:
            target.members = []
        return target.members
    if not isinstance(target, list) or isinstance(target, Items | Members):
        raise PickleFaultError("it appends to something that is not a list")
    return target
