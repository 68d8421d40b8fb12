"""The measures of a table: what ``inspect`` and :func:`analyze_table` compute and show, in this order.

To add one, write its file beside this one, name it here, and, for a group of numbers of every selection, give it a
field of :class:`Measures`. The JSON, the terminal and the page take it from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from posembed.tables.measures.measure import Measure, Selection, SummaryMeasure
from posembed.tables.measures.norms import NEIGHBORS, NORMS
from posembed.tables.measures.probes import ORDER_PROBE, POSITION_PROBE, OrderProbe, PositionProbe
from posembed.tables.measures.similarity import SIMILARITY, TRANSLATION_INVARIANCE, Similarity
from posembed.tables.measures.spectrum import EFFECTIVE_RANK, SPECTRUM, Spectrum
from posembed.tables.measures.trained import TRAINED_RANGE

#: Groups of numbers, computed of every selection of rows.
MEASURES: tuple[Measure, ...] = (SIMILARITY, SPECTRUM, POSITION_PROBE, ORDER_PROBE)
#: What is shown first, and all that a terminal shows: quick to compute.
SUMMARY: tuple[SummaryMeasure, ...] = (NORMS, EFFECTIVE_RANK, TRANSLATION_INVARIANCE, NEIGHBORS, TRAINED_RANGE)


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of one selection of a table's rows, centered by that selection's mean.

    Attributes:
        selection: ``"table"`` (all rows), ``"positions"`` (without reserved, prefix and suffix rows), or
            ``"positions without the first"`` (of a sequence).
        first_row: the selection's first row in the table.
        rows: number of rows.
        grid: height and width, where it is a whole grid.
        similarity: how cosines of rows depend on their distance; ``None`` for a grid with other rows beside it.
        spectrum: singular values, and the curves that the rows follow.
        position_probe: how well a linear map reads the position off a row.
        order_probe: how well a linear map shows which of two rows comes first.
    """

    selection: str
    first_row: int
    rows: int
    grid: tuple[int, int] | None
    similarity: Similarity | None
    spectrum: Spectrum
    position_probe: PositionProbe | None
    order_probe: OrderProbe | None


def measured(selection: Selection) -> Measures:
    """Return every measure of one selection.

    Example:
        >>> import numpy as np
        >>> round(measured(Selection("table", 0, np.eye(4), None, axis=True)).spectrum.effective_rank, 6)
        3.0
    """
    groups = {measure.name: measure.compute(selection) for measure in MEASURES}
    return Measures(selection.name, selection.first_row, len(selection.rows), selection.grid, **groups)


def notes_of(selections: tuple[Selection, ...], measures: tuple[Measures, ...]) -> list[str]:
    """Return what was thinned out or could not be measured, a sentence each, with the selections that it holds for.

    A grid with other rows beside it has neither distances nor an order, so it does not count as a selection here.
    """
    found: dict[str, list[str]] = {}
    for selection, values in zip(selections, measures, strict=True):
        for measure in MEASURES:
            for note in measure.notes(selection, getattr(values, measure.name)):
                found.setdefault(note, []).append(selection.name)
    everywhere = [each.name for each in selections if each.axis or each.grid is not None]
    return [note if names == everywhere else f"{note} ({', '.join(names)})" for note, names in found.items()]
