"""Everything that is measured of one position table, gathered in one frozen record."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.measures.norms import RowProfile, row_profile
from posembed.tables.measures.probes import LEAST_ROWS, OrderProbe, PositionProbe, order_probe, position_probe
from posembed.tables.measures.rows import Floats, as_rows, require_layout
from posembed.tables.measures.similarity import Similarity, measure_similarity
from posembed.tables.measures.spectrum import Spectrum, measure_spectrum
from posembed.tables.trained_range.detect import TrainedRange, range_of

SCHEMA, SCHEMA_VERSION = "posembed.analysis", 1
PROBE_ROWS = 1024  # of a longer sequence the position probe sees every k-th row


@dataclass(frozen=True, slots=True)
class Measures:
    """What is measured of one selection of a table's rows, centred by that selection's mean.

    Attributes:
        selection: ``"table"`` (all rows), ``"positions"`` (without reserved, prefix and suffix rows), or
            ``"positions without the first"`` (of a sequence).
        first_row: the selection's first row in the table.
        rows: how many rows it has.
        grid: height and width, where it is a whole grid.
        similarity: how cosines of rows depend on the distance between them; ``None`` for a grid with other rows beside.
        spectrum: singular values, and what curves the rows lie on.
        position_probe: whether a linear map reads the position off a row.
        order_probe: whether a linear map tells which of two rows comes first.
    """

    selection: str
    first_row: int
    rows: int
    grid: tuple[int, int] | None
    similarity: Similarity | None
    spectrum: Spectrum
    position_probe: PositionProbe | None
    order_probe: OrderProbe | None


@dataclass(frozen=True, slots=True)
class TableAnalysis:
    """The measures of a position table.

    Attributes:
        layout: what its rows mean.
        d_model: width of a row.
        profile: row by row: norm, robust z of the norm, roughness, cosine to the next row.
        measures: for the whole table, the positions alone, and the positions without the first.
        trained_range: which positions were really trained, as far as the table alone tells.
        notes: what was thinned out or could not be measured, a sentence each.
    """

    layout: TableLayout
    d_model: int
    profile: RowProfile
    measures: tuple[Measures, ...]
    trained_range: TrainedRange
    notes: tuple[str, ...] = ()

    @property
    def positions(self) -> Measures:
        """The measures of the positions alone."""
        return next(m for m in self.measures if m.selection == "positions")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON file; what is not defined is ``None``."""
        plain: dict[str, Any] = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "d_model": self.d_model}
        plain["layout"] = dataclasses.asdict(self.layout) | {
            "rows": self.layout.rows,
            "positions": self.layout.positions,
            "usable_length": self.layout.usable_length,
        }
        plain["profile"] = dataclasses.asdict(self.profile)
        plain["measures"] = [dataclasses.asdict(m) for m in self.measures]
        plain["trained_range"] = self.trained_range.to_dict()
        plain["notes"] = list(self.notes)
        result: dict[str, Any] = _plain(plain)
        return result


def analyze_table(table: NDArray[Any], *, layout: TableLayout | None = None) -> TableAnalysis:
    """Measure a position table.

    Args:
        table: ``[rows, d_model]`` of real numbers.
        layout: what the rows mean; by default all of them are positions of a sequence.

    Returns:
        Every measure; one that is not defined (of a single row, of a constant table) is ``None``.

    Raises:
        InvalidArgumentError: for a table that is no finite ``[rows, d_model]``, or that the layout does not describe.

    Example:
        >>> import numpy as np
        >>> analysis = analyze_table(np.random.default_rng(0).standard_normal((64, 16)))
        >>> analysis.positions.rows, analysis.positions.spectrum.effective_rank < 16
        (64, True)
    """
    rows = as_rows(table)
    layout = layout or TableLayout(length=len(rows))
    require_layout(rows, layout)
    positions = rows[layout.position_rows]
    if not len(positions):
        raise InvalidArgumentError("the layout has no positions (length 0): there is nothing to measure")
    measures = _selections(rows, positions, layout)
    return TableAnalysis(
        layout,
        rows.shape[1],
        row_profile(rows, layout),
        measures,
        range_of(positions, layout),
        tuple(_notes(measures)),
    )


def _selections(rows: Floats, positions: Floats, layout: TableLayout) -> tuple[Measures, ...]:
    first = layout.position_rows.start
    alone = _measure("positions", first, positions, layout.grid)
    if len(rows) == len(positions):  # the same rows
        whole = replace(alone, selection="table")
    elif layout.grid is None:
        whole = _measure("table", 0, rows, None)
    else:  # a grid with other rows beside it has no distances
        whole = Measures("table", 0, len(rows), None, None, measure_spectrum(rows, axis=False), None, None)
    if layout.grid is not None or len(positions) < 2:  # a grid's first patch is one like the others
        return whole, alone
    return whole, alone, _measure("positions without the first", first + 1, positions[1:], None)


def _measure(selection: str, first: int, rows: Floats, grid: tuple[int, int] | None) -> Measures:
    step = -(-len(rows) // PROBE_ROWS) if grid is None else 1
    return Measures(
        selection,
        first,
        len(rows),
        grid,
        measure_similarity(rows, grid),
        measure_spectrum(rows, axis=grid is None),
        position_probe(rows[::step], grid, spacing=step),
        order_probe(rows) if grid is None else None,
    )


def _notes(measures: tuple[Measures, ...]) -> list[str]:
    """What was thinned out or left out, with the selections that it is said of."""
    said: dict[str, list[str]] = {}
    for each in measures:
        if each.similarity is not None and each.similarity.pairs != "all":
            said.setdefault(f"the rank correlation is over {each.similarity.pairs}", []).append(each.selection)
        if each.grid is None and each.rows > PROBE_ROWS and each.position_probe is not None:
            share = -(-each.rows // PROBE_ROWS)
            said.setdefault(f"the position probe saw one row in {share}", []).append(each.selection)
        if each.position_probe is None and each.similarity is not None:
            reason = f"no probes, which need {LEAST_ROWS} rows that are not all equal"
            said.setdefault(reason, []).append(each.selection)
    of_all = [each.selection for each in measures if each.similarity is not None]
    return [text if names == of_all else f"{text} ({', '.join(names)})" for text, names in said.items()]


def _plain(value: Any) -> Any:
    """Values for JSON: what is not finite is not defined, so ``None``."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
