"""What the process that checks is asked and answers: one JSON object a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from posembed.find.kinds import TableKind
from posembed.records.base import Record

Status = Literal["fine", "fault", "unknown"]


@dataclass(frozen=True)
class Size(Record):
    """A table's size before and after.

    Attributes:
        key: of the tensor.
        kind: what its rows stand for.
        before: usable length, before.
        after: usable length, afterwards.
        kept: number of leading positions whose rows are the old ones.
        grid: ``(height, width)`` afterwards, of an image table.
        old_grid: the same, before.
    """

    key: str
    kind: str
    before: int
    after: int
    kept: int
    grid: tuple[int, int] | None = None
    old_grid: tuple[int, int] | None = None

    @property
    def of_sequence(self) -> bool:
        """Whether its rows are the places of a sequence."""
        return TableKind(self.kind).sized_by == "length"

    @property
    def numbered(self) -> bool:
        """Whether its rows are read by numbers that arguments may hold: coordinates, time steps."""
        return TableKind(self.kind).sized_by is None


@dataclass(frozen=True)
class Start(Record):
    """The first line: which library loads the source, and whether it is run too.

    Attributes:
        library: name of the library.
        folder: the source.
        run: run it too.
        sizes: of the tables that change.
    """

    library: str
    folder: str
    run: bool
    sizes: tuple[Size, ...]

    @property
    def longest(self) -> int:
        """Usable length of the longest table, afterwards."""
        return max((size.after for size in self.sizes), default=0)

    @property
    def kept(self) -> int:
        """Number of leading positions whose rows are the old ones in every table."""
        return min((size.kept for size in self.sizes), default=0)


@dataclass(frozen=True)
class Copy(Record):
    """The second line, once the copy is complete.

    Attributes:
        folder: the copy.
    """

    folder: str


@dataclass(frozen=True)
class Answer(Record):
    """The answer to either line.

    Attributes:
        status: ``"fine"``; ``"fault"``, which only a copy can have; or ``"unknown"``: the check is impossible.
        what: class and library that loaded it.
        reason: of a fault, or why the check is impossible; otherwise what it ran on.
        ran: whether it was run, not only loaded.
    """

    status: Status
    what: str = ""
    reason: str = ""
    ran: bool = False
