"""What a pickle describes, as plain data: nothing is imported, called or built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from posembed.errors import CheckpointError

Node = object
"""None, a bool, number, text, bytes, ``list``, ``tuple``, or one of the classes of this module."""


class PickleFaultError(CheckpointError):
    """A pickle that is broken, or larger than its file explains."""


class UnsafePickleError(CheckpointError):
    """A pickle that would call something when it is loaded; the message is the function's name."""


class Global:
    """The name of a class or function."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    @property
    def dotted(self) -> str:
        """Full name."""
        return f"{self.module}.{self.name}"


class Raw:
    """A long text or number, kept as the pickle has it."""

    __slots__ = ("code",)

    def __init__(self, code: bytes) -> None:
        self.code = code


class Items(list[Node]):
    """A mapping as a flat list, key, value, key, value, …: keys are never hashed, because hashing may not end."""

    __slots__ = ()

    def pairs(self) -> Iterator[tuple[int, Node, Node]]:
        """Yield the place of each value in this list, its key and the value."""
        for place in range(1, len(self), 2):
            yield place, self[place - 1], self[place]

    def get(self, name: str) -> Node:
        """Return the last value of a name, or ``None``."""
        return next((self[at] for at in range(len(self) - 1, 0, -2) if self[at - 1] == name), None)


class Members(list[Node]):
    """A set, frozen or not, as the list of its members."""

    __slots__ = ("frozen",)

    def __init__(self, members: list[Node] | None = None, *, frozen: bool = False) -> None:
        super().__init__(members or [])
        self.frozen = frozen


class Storage:
    """A persistent id: the numbers behind one tensor or several, stored elsewhere in the file."""

    __slots__ = ("pid",)

    def __init__(self, pid: Node) -> None:
        self.pid = pid


class Call:
    """An object: a class or function with arguments, and what is put into it afterwards.

    Attributes:
        function: its name.
        arguments: a tuple.
        how: ``"reduce"`` for a call, ``"new"`` for an instance that is made without one.
        state: what ``__setstate__`` would be given, or ``None``.
        items: entries of a mapping.
        members: elements of a list.
    """

    __slots__ = ("arguments", "function", "how", "items", "members", "state")

    def __init__(self, function: Global, arguments: Node, how: Literal["reduce", "new", "new_ex"]) -> None:
        self.function, self.arguments, self.how = function, arguments, how
        self.state: Node = None
        self.items: Items | None = None
        self.members: list[Node] | None = None


def children(node: Node) -> Iterator[Node]:
    """Yield what a node holds directly."""
    if isinstance(node, Call):
        yield from (node.function, node.arguments, node.state, node.items, node.members)
    elif isinstance(node, Storage):
        yield node.pid
    elif isinstance(node, list | tuple):
        yield from node
