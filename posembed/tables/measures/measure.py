"""What a measure is: how it is computed, and how a terminal and a page show it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from posembed.layout import TableLayout
from posembed.tables.rows import Floats

if TYPE_CHECKING:
    from posembed.tables.measures.analysis import TableAnalysis

Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows that are measured together, centered by their own mean.

    Attributes:
        name: ``"table"``, ``"positions"`` or ``"positions without the first"``.
        first_row: the selection's first row in the table.
        rows: the rows, ``[n, d_model]``.
        grid: height and width, where the rows are a whole grid.
        axis: whether the rows follow one axis, as those of a sequence do.
    """

    name: str
    first_row: int
    rows: Floats
    grid: tuple[int, int] | None
    axis: bool


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number of a measure, for the page's table of all measures.

    Attributes:
        words: what it is.
        value: reads it off what the measure computed; ``None`` where it is not defined.
        detail: whether it is listed below the plain numbers of all measures.
    """

    words: str
    value: Callable[[Any], float | None]
    detail: bool = False


def no_notes(_selection: Selection, _value: object) -> Iterable[str]:
    """Return nothing: the measure never leaves anything out."""
    return ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A group of numbers that is computed of every selection of a table's rows.

    Attributes:
        name: its key in the JSON of an analysis, and its attribute of ``Measures``.
        compute: ``compute(selection)``: a frozen record, or ``None`` where it is not defined.
        scalars: the single numbers that a page lists.
        notes: ``notes(selection, value)``: sentences about what was thinned out or could not be measured.
    """

    name: str
    compute: Callable[[Selection], Any]
    scalars: tuple[Scalar, ...] = ()
    notes: Callable[[Selection, Any], Iterable[str]] = no_notes


@dataclass(frozen=True, slots=True)
class TableRows:
    """A table as the summary measures see it.

    Attributes:
        rows: all rows, ``[rows, d_model]``.
        layout: what they mean.
    """

    rows: Floats
    layout: TableLayout

    @property
    def positions(self) -> Floats:
        """The rows of the positions alone."""
        return self.rows[self.layout.position_rows]

    @property
    def sequence(self) -> Floats:
        """The rows of the positions where they follow one axis; none for a grid."""
        return self.positions if self.layout.grid is None else self.positions[:0]


class Summary(Protocol):
    """A few numbers that are shown first, with their words."""

    def to_dict(self) -> dict[str, object]:
        """Return the numbers as plain values for JSON."""

    def lines(self) -> Sequence[Line]:
        """Return what a terminal and a page show: pairs of name and text; an empty name continues the one above."""


@dataclass(frozen=True, slots=True)
class SummaryMeasure:
    """A measure that is shown first: quick to compute, or read off a whole analysis.

    Attributes:
        quick: computes it from the rows, without a whole analysis.
        of: reads the same off a whole analysis.
    """

    quick: Callable[[TableRows], Summary]
    of: Callable[[TableAnalysis], Summary]
