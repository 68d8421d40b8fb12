"""What each operation of a pickle does to the stack: nothing is imported, called or built.

The operations are those of Python's ``pickletools``, without the ones that only copyreg's extensions, out-of-band
buffers and persistent ids in text need.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from posembed.checkpoint.formats.pickle.machine import LONG_NUMBER, Machine, Operation, even, items_of, list_of
from posembed.checkpoint.formats.pickle.nodes import (
    Call,
    Items,
    Members,
    Node,
    PickleFaultError,
    Raw,
    Storage,
    UnsafePickleError,
)

OPERATIONS: dict[bytes, Operation] = {}


def _on(code: bytes) -> Callable[[Operation], Operation]:
    def register(function: Operation) -> Operation:
        OPERATIONS[code] = function
        return function

    return register


def _push(code: bytes, make: Callable[[Machine], Node]) -> None:
    """An operation that pushes what ``make`` returns."""
    OPERATIONS[code] = lambda machine: machine.stack.append(make(machine))


def _counted(code: bytes, form: str, make: Callable[[Machine, bytes, bytes], None]) -> None:
    """An operation with a size and so many bytes."""

    def operation(machine: Machine) -> None:
        size = machine.take(struct.calcsize(form))
        make(machine, size, machine.take(struct.unpack(form, size)[0]))

    OPERATIONS[code] = operation


_push(b"N", lambda _: None)
_push(b"\x88", lambda _: True)
_push(b"\x89", lambda _: False)
_push(b"K", lambda machine: machine.take(1)[0])
_push(b"M", lambda machine: machine.number("<H"))
_push(b"J", lambda machine: machine.number("<i"))
_push(b"G", lambda machine: struct.unpack(">d", machine.take(8))[0])
_push(b")", lambda _: ())
_push(b"]", lambda _: [])
_push(b"}", lambda _: Items())
_push(b"\x8f", lambda _: Members())
_push(b"h", lambda machine: machine.memo[machine.take(1)[0]])
_push(b"j", lambda machine: machine.memo[machine.number("<I")])
_push(b"g", lambda machine: machine.memo[int(machine.line())])
_push(b"t", lambda machine: tuple(machine.to_mark()))
_push(b"l", lambda machine: machine.to_mark())
_push(b"d", lambda machine: Items(even(machine.to_mark())))
_push(b"\x91", lambda machine: Members(machine.to_mark(), frozen=True))
_push(b"F", lambda machine: float(machine.line()))
_push(b"V", lambda machine: machine.line().decode("raw-unicode-escape"))
_push(b"2", lambda machine: machine.stack[-1])
_counted(b"X", "<I", lambda machine, _, data: machine.text(data))
_counted(b"\x8c", "<B", lambda machine, _, data: machine.text(data))
_counted(b"\x8d", "<Q", lambda machine, _, data: machine.text(data))
_counted(b"C", "<B", lambda machine, _, data: machine.stack.append(data))
_counted(b"B", "<I", lambda machine, _, data: machine.stack.append(data))
_counted(b"\x8e", "<Q", lambda machine, _, data: machine.stack.append(data))
_counted(b"\x96", "<Q", lambda machine, size, data: machine.stack.append(Raw(b"\x96" + size + data)))


def _python_2_text(code: bytes) -> Callable[[Machine, bytes, bytes], None]:
    def push(machine: Machine, size: bytes, data: bytes) -> None:
        try:
            machine.text(data, "strict")
        except UnicodeDecodeError:  # Python 2 wrote bytes so
            machine.stack.append(Raw(code + size + data))

    return push


_counted(b"U", "<B", _python_2_text(b"U"))
_counted(b"T", "<i", _python_2_text(b"T"))


def _long(code: bytes) -> Callable[[Machine, bytes, bytes], None]:
    def push(machine: Machine, size: bytes, data: bytes) -> None:
        long = len(data) > LONG_NUMBER
        machine.stack.append(Raw(code + size + data) if long else int.from_bytes(data, "little", signed=True))

    return push


_counted(b"\x8a", "<B", _long(b"\x8a"))
_counted(b"\x8b", "<i", _long(b"\x8b"))


@_on(b"I")
def _int(machine: Machine) -> None:
    line = machine.line()
    machine.stack.append(line == b"01" if line in (b"00", b"01") else int(line))


@_on(b"L")
def _old_long(machine: Machine) -> None:
    machine.stack.append(int(machine.line().rstrip(b"L")))


@_on(b"S")
def _old_text(machine: Machine) -> None:
    line = machine.line()
    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in b"'\"":
        raise PickleFaultError("a text has no quotes")
    machine.stack.append(line[1:-1].decode("unicode_escape"))


@_on(b"\x80")
def _protocol(machine: Machine) -> None:
    if machine.take(1)[0] > 5:
        raise PickleFaultError("its protocol is newer than 5")


@_on(b"\x95")
def _frame(machine: Machine) -> None:
    machine.take(8)


@_on(b"(")
def _mark(machine: Machine) -> None:
    machine.marks.append(len(machine.stack))


@_on(b"0")
def _pop(machine: Machine) -> None:
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
    else:
        machine.stack.pop()


@_on(b"1")
def _pop_mark(machine: Machine) -> None:
    machine.to_mark()


@_on(b"q")
def _put_1(machine: Machine) -> None:
    machine.put(machine.take(1)[0])


@_on(b"r")
def _put_4(machine: Machine) -> None:
    machine.put(machine.number("<I"))


@_on(b"p")
def _put_line(machine: Machine) -> None:
    machine.put(int(machine.line()))


@_on(b"\x94")
def _memoize(machine: Machine) -> None:
    machine.put(len(machine.memo))


@_on(b"\x85")
def _tuple_1(machine: Machine) -> None:
    machine.stack[-1:] = [(machine.stack[-1],)]


@_on(b"\x86")
def _tuple_2(machine: Machine) -> None:
    machine.stack[-2:] = [(machine.stack[-2], machine.stack[-1])]


@_on(b"\x87")
def _tuple_3(machine: Machine) -> None:
    machine.stack[-3:] = [(machine.stack[-3], machine.stack[-2], machine.stack[-1])]


@_on(b"a")
def _append(machine: Machine) -> None:
    value = machine.stack.pop()
    list_of(machine.stack[-1]).append(value)


@_on(b"e")
def _appends(machine: Machine) -> None:
    values = machine.to_mark()
    list_of(machine.stack[-1]).extend(values)


@_on(b"s")
def _set_item(machine: Machine) -> None:
    value, key = machine.stack.pop(), machine.stack.pop()
    items_of(machine.stack[-1]).extend((key, value))


@_on(b"u")
def _set_items(machine: Machine) -> None:
    values = even(machine.to_mark())
    items_of(machine.stack[-1]).extend(values)


@_on(b"\x90")
def _add_items(machine: Machine) -> None:
    values = machine.to_mark()
    if not isinstance(machine.stack[-1], Members):
        raise PickleFaultError("it adds to something that is not a set")
    machine.stack[-1].extend(values)


@_on(b"c")
def _global(machine: Machine) -> None:
    module, name = machine.line().decode("utf-8"), machine.line().decode("utf-8")
    machine.stack.append(machine.global_(module, name))


@_on(b"\x93")
def _stack_global(machine: Machine) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not isinstance(name, str) or not isinstance(module, str):
        raise UnsafePickleError("a function that it computes")
    machine.stack.append(machine.global_(module, name))


@_on(b"Q")
def _persistent(machine: Machine) -> None:
    pid = machine.stack.pop()
    if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == "module":  # a class with its source, before torch 1.6
        machine.stack.append(pid[1])
    else:
        machine.stack.append(Storage(pid))


@_on(b"R")
def _reduce(machine: Machine) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.call(function, arguments, "reduce")


@_on(b"\x81")
def _new(machine: Machine) -> None:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.call(function, arguments, "new")


@_on(b"\x92")
def _new_ex(machine: Machine) -> None:
    keywords, arguments, function = machine.stack.pop(), machine.stack.pop(), machine.stack.pop()
    machine.call(function, (arguments, keywords), "new_ex")


@_on(b"i")
def _instance(machine: Machine) -> None:
    module, name = machine.line().decode("utf-8"), machine.line().decode("utf-8")
    machine.call(machine.global_(module, name), tuple(machine.to_mark()), "reduce")


@_on(b"o")
def _object(machine: Machine) -> None:
    function, *arguments = machine.to_mark()
    machine.call(function, tuple(arguments), "reduce")


@_on(b"b")
def _build(machine: Machine) -> None:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if not isinstance(target, Call) or target.state is not None:
        raise PickleFaultError("it sets the state of something that has none")
    target.state = state
