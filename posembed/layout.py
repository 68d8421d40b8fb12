"""The meaning of each row of a position table."""

from __future__ import annotations

from dataclasses import dataclass

from posembed.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class TableLayout:
    """Describe which rows of a position table belong to which positions.

    A table consists of these rows, in order: ``reserved`` rows that belong to no position (RoBERTa's rows 0 and 1),
    ``prefix`` rows (a class or distillation token), the positions (a sequence of ``length`` rows, or a grid of
    ``H × W`` rows in row-major order), and ``suffix`` rows (tokens after the grid). Position 0 is row ``reserved``:
    ``row = reserved + position``.

    Args:
        length: number of sequence positions; omit it for a grid.
        grid: ``(height, width)`` in patches; omit it for a sequence.
        reserved: number of rows before position 0, which no position reads.
        prefix: number of rows for extra tokens before the positions.
        suffix: number of rows for extra tokens after the positions.

    Raises:
        InvalidArgumentError: if neither or both of ``length`` and ``grid`` are given, or a count is negative.

    Example:
        >>> TableLayout(length=512, reserved=2).rows
        514
        >>> TableLayout(grid=(14, 14), prefix=1).usable_length
        197
    """

    length: int | None = None
    grid: tuple[int, int] | None = None
    reserved: int = 0
    prefix: int = 0
    suffix: int = 0

    def __post_init__(self) -> None:
        if (self.length is None) == (self.grid is None):
            raise InvalidArgumentError(
                f"TableLayout takes exactly one of length and grid, got length={self.length}, grid={self.grid}"
            )
        if self.grid is not None and (len(self.grid) != 2 or min(self.grid) < 1):
            raise InvalidArgumentError(f"grid={self.grid} must be (height, width), both at least 1")
        for name in ("length", "reserved", "prefix", "suffix"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise InvalidArgumentError(f"{name}={value} must not be negative")

    @property
    def positions(self) -> int:
        """Number of rows of the sequence or grid, without reserved, prefix and suffix rows."""
        if self.grid is not None:
            return self.grid[0] * self.grid[1]
        assert self.length is not None
        return self.length

    @property
    def position_rows(self) -> slice:
        """Slice of the table's rows that are the sequence or grid."""
        first = self.reserved + self.prefix
        return slice(first, first + self.positions)

    @property
    def usable_length(self) -> int:
        """Longest input in tokens: prefix, positions and suffix, without the reserved rows."""
        return self.prefix + self.positions + self.suffix

    @property
    def rows(self) -> int:
        """Number of rows of the whole table."""
        return self.reserved + self.usable_length
