"""Kinds of position tables: what a row stands for, and what follows from that."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal


class TableKind(StrEnum):
    """What the rows of a table stand for. Each kind is the string that JSON shows.

    Example:
        >>> TableKind("sequence"), TableKind.AXIS == "axis", TableKind.GRID.sized_by
        ('sequence', True, 'grid')
    """

    SEQUENCE = "sequence"
    """Positions of tokens in a text or another sequence."""
    GRID = "grid"
    """Patches of an image, in row-major order."""
    WINDOW = "window"
    """Patches of a window that is tiled over a grid."""
    AXIS = "axis"
    """Values of one coordinate, such as a bounding box's left edge."""
    TIME = "time"
    """Time steps or frames."""
    NONE = "none"
    """Not a position table."""

    def __repr__(self) -> str:
        return repr(self.value)

    @property
    def sized_by(self) -> Literal["length", "grid"] | None:
        """The argument that gives tables of this kind another size; ``None``: they are changed by name only."""
        return _SIZED_BY.get(self)

    @property
    def counts(self) -> str:
        """What its rows count, for messages."""
        return _COUNTS.get(self, "positions")

    def method_for(self, method: str) -> str:
        """Return the method that ``"auto"`` is for this kind; any other method is returned as it is.

        Rows of an axis are coordinates: tiled, the far end would read as the near end.
        """
        return "linear" if method == "auto" and self is TableKind.AXIS else method


_SIZED_BY: dict[TableKind, Literal["length", "grid"]] = {TableKind.SEQUENCE: "length", TableKind.GRID: "grid"}
_COUNTS = {TableKind.AXIS: "coordinates", TableKind.TIME: "time steps"}
