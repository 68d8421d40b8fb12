"""Write what a pickle describes as a pickle again: the same objects, and shared ones still shared."""

from __future__ import annotations

import struct
from collections import Counter

from posembed.checkpoint.formats.pickle.nodes import (
    Call,
    Global,
    Items,
    Members,
    Node,
    PickleFaultError,
    Raw,
    Storage,
    children,
)

_BATCH = 1000  # entries between two marks, as Python's own pickles have it
_HOW = {"reduce": b"R", "new": b"\x81", "new_ex": b"\x92"}
# Operations that protocol 2, the one that torch writes, does not have.
_NEW_PROTOCOL = 4


class _Code(bytes):
    """Bytes of the pickle, not a value in it."""

    __slots__ = ()


class _Put:
    """Remember the node that was just written."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


def write_nodes(root: Node) -> bytes:
    """Return a pickle of some nodes.

    Raises:
        PickleFaultError: for a tuple that holds itself, which no checkpoint has.
    """
    uses = _uses(root)
    out = bytearray()
    memo: dict[int, int] = {}
    opened: set[int] = set()
    new = False
    work: list[Node] = [root]
    while work:
        node = work.pop()
        if type(node) is _Code:
            out += node
        elif type(node) is _Put:
            key = id(node.node)
            opened.discard(key)
            memo[key] = len(memo)
            out += b"q" + bytes([memo[key]]) if memo[key] < 256 else b"r" + struct.pack("<I", memo[key])
        elif id(node) in memo:
            place = memo[id(node)]
            out += b"h" + bytes([place]) if place < 256 else b"j" + struct.pack("<I", place)
        elif id(node) in opened:
            raise PickleFaultError("a tuple or object in it holds itself")
        else:
            shared = uses[id(node)] > 1 and _shareable(node)
            if shared:
                opened.add(id(node))
            new = new or isinstance(node, Members | bytes)
            work.extend(reversed(_parts(node, _Put(node) if shared else None)))
    return b"\x80" + bytes([_NEW_PROTOCOL if new else 2]) + bytes(out) + b"."


def _uses(root: Node) -> Counter[int]:
    """How often each node is met."""
    uses: Counter[int] = Counter()
    work = [root]
    while work:
        node = work.pop()
        uses[id(node)] += 1
        if uses[id(node)] == 1:
            work.extend(children(node))
    return uses


def _shareable(node: Node) -> bool:
    return node != () and isinstance(node, Call | Storage | list | tuple | str | bytes | Global | Raw)


def _parts(node: Node, put: _Put | None) -> list[Node]:
    """Return what to write for a node, in order; a container is remembered before what it holds."""
    after = [] if put is None else [put]
    if isinstance(node, Call):
        arguments = list(node.arguments) if node.how == "new_ex" and isinstance(node.arguments, tuple) else None
        parts = [node.function, *(arguments if arguments is not None else [node.arguments]), _Code(_HOW[node.how])]
        parts += after
        if node.members is not None:
            parts += _batches(node.members, b"e", 1)
        if node.items is not None:
            parts += _batches(node.items, b"u", 2)
        return parts if node.state is None else [*parts, node.state, _Code(b"b")]
    if isinstance(node, Storage):
        return [node.pid, _Code(b"Q"), *after]
    if isinstance(node, Items):
        return [_Code(b"}"), *after, *_batches(node, b"u", 2)]
    if isinstance(node, Members):
        if node.frozen:
            return [_Code(b"("), *node, _Code(b"\x91"), *after]
        return [_Code(b"\x8f"), *after, *_batches(node, b"\x90", 1)]
    if isinstance(node, list):
        return [_Code(b"]"), *after, *_batches(node, b"e", 1)]
    if isinstance(node, tuple):
        return [_Code(b")")] if not node else [*_tuple(node), *after]
    return [_Code(_scalar(node)), *after]


def _tuple(node: tuple[Node, ...]) -> list[Node]:
    short = {1: b"\x85", 2: b"\x86", 3: b"\x87"}.get(len(node))
    return [*node, _Code(short)] if short else [_Code(b"("), *node, _Code(b"t")]


def _batches(values: list[Node], code: bytes, each: int) -> list[Node]:
    parts: list[Node] = []
    for start in range(0, len(values), each * _BATCH):
        parts += [_Code(b"("), *values[start : start + each * _BATCH], _Code(code)]
    return parts


def _scalar(node: Node) -> bytes:
    if node is None:
        return b"N"
    if isinstance(node, bool):
        return b"\x88" if node else b"\x89"
    if isinstance(node, Raw):
        return node.code
    if isinstance(node, Global):
        return f"c{node.module}\n{node.name}\n".encode()
    if isinstance(node, int):
        return _integer(node)
    if isinstance(node, float):
        return b"G" + struct.pack(">d", node)
    if isinstance(node, str):
        data = node.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(data)) + data
    assert isinstance(node, bytes)
    return b"B" + struct.pack("<I", len(node)) + node


def _integer(value: int) -> bytes:
    if 0 <= value < 1 << 8:
        return b"K" + bytes([value])
    if 0 <= value < 1 << 16:
        return b"M" + struct.pack("<H", value)
    if -(1 << 31) <= value < 1 << 31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data
