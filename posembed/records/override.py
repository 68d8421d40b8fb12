"""What a caller says about one tensor, in place of what posembed infers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posembed.errors import InvalidArgumentError
from posembed.records.base import Record


@dataclass(frozen=True)
class Override(Record):
    """What the caller says about one tensor, in place of what would be inferred.

    Args:
        key: the tensor's name in the file.
        reserved: rows before position 0.
        prefix: rows of extra tokens before the positions; left out with a grid, all rows that the grid leaves over.
        grid: ``(height, width)`` for an image table.
    """

    key: str
    reserved: int = 0
    prefix: int | None = None
    grid: tuple[int, int] | None = None


def override_of(
    tables: Sequence[str] | None,
    *,
    reserved: int | None,
    prefix: int | None,
    table_grid: tuple[int, int] | None,
) -> Override | None:
    """Return the override that single options add up to, or ``None`` if none of them is given.

    Args:
        tables: keys; exactly one is needed.
        reserved: rows before position 0.
        prefix: rows of extra tokens before the positions.
        table_grid: ``(height, width)`` of the table as it is.

    Raises:
        InvalidArgumentError: if no single table is named, or a number is negative.
    """
    if reserved is None and prefix is None and table_grid is None:
        return None
    if tables is None or len(tables) != 1:
        raise InvalidArgumentError(
            "`reserved`, `prefix` and `table_grid` describe the rows of one table: name it with `tables`"
        )
    for name, value in (("reserved", reserved), ("prefix", prefix)):
        if value is not None and value < 0:
            raise InvalidArgumentError(f"{name}={value} must not be negative")
    return Override(tables[0], reserved or 0, prefix, table_grid)
