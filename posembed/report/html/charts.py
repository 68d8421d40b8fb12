"""A chart as data: what is drawn, its titles and units, and what it says in words. The page's script draws it."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posembed.records.base import Json, JsonObject

ChartKind = Literal["lines", "heat", "space", "patches"]

_STEP = 1e-4  # resolution of heat maps, whose values are stored as 16-bit numbers


@dataclass(frozen=True)
class Series:
    """One line or set of points.

    Attributes:
        name: for the legend.
        x: places.
        y: values, ``None`` for a gap.
        low: lower end of a band, or ``None``.
        high: upper end.
        dash: ``"solid"``, ``"dash"`` or ``"dot"``.
        points: whether points are drawn in place of a line.
        color: number in the palette; by default the series' own number.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None
    dash: str = "solid"
    points: bool = False
    color: int | None = None

    def to_dict(self) -> JsonObject:
        """Return plain values, rounded to what a picture shows."""
        plain: JsonObject = {"name": self.name, "x": _places(self.x), "y": rounded(self.y), "dash": self.dash}
        plain |= {"points": self.points, "color": self.color}
        if self.low is not None and self.high is not None:
            plain |= {"low": rounded(self.low), "high": rounded(self.high)}
        return plain


def _places(x: Sequence[float]) -> Json:
    """Return evenly spaced whole numbers as start, step and count; others as they are."""
    if len(x) > 2 and all(isinstance(value, int) for value in x):
        step = int(x[1] - x[0])
        if list(x) == list(range(int(x[0]), int(x[0]) + step * len(x), step or 1)):
            return {"start": x[0], "step": step, "count": len(x)}
    return rounded(x)


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        kind: ``"lines"``, ``"heat"``, ``"space"`` (three dimensions) or ``"patches"``.
        title: what it shows.
        x_title: with its unit.
        y_title: with its unit.
        reading: what it says, in a sentence.
        series: the lines, for ``"lines"``.
        data: plain values, for the other kinds.
        log_y: whether y is logarithmic.
        marks: stretches or places of x to mark: ``{"from": …, "to": …, "label": …}``.
        choice: height, width and step of the grid from which a reader chooses a patch.
        empty: why there is nothing to draw; otherwise ``None``.
    """

    kind: ChartKind
    title: str
    x_title: str
    y_title: str
    reading: str
    series: Sequence[Series] = ()
    data: Mapping[str, Json] = field(default_factory=dict)
    log_y: bool = False
    marks: Sequence[Mapping[str, Json]] = ()
    empty: str | None = None
    choice: tuple[int, int, int] | None = None

    def to_dict(self) -> JsonObject:
        """Return plain values for the page's script."""
        return {
            "kind": self.kind,
            "title": self.title,
            "x_title": self.x_title,
            "y_title": self.y_title,
            "reading": self.reading,
            "series": [each.to_dict() for each in self.series],
            "data": self.data,
            "log_y": self.log_y,
            "marks": list(self.marks),
            "empty": self.empty,
        }


def no_chart(kind: ChartKind, title: str, why: str) -> Chart:
    """Return a chart that cannot be drawn, and why.

    Example:
        >>> no_chart("lines", "Norms", "there are no rows").reading
        'No data: there are no rows.'
    """
    return Chart(kind, title, "", "", f"No data: {why}.", empty=why)


def rounded(values: Iterable[float | None], digits: int = 5) -> list[float | None]:
    """Return the values to that many significant digits; what is not finite becomes a gap.

    Example:
        >>> rounded([1.2345678, None, float("nan"), 3])
        [1.2346, None, None, 3.0]
    """
    return [None if v is None or not math.isfinite(v) else float(f"{v:.{digits}g}") for v in values]


def packed(values: NDArray[Any]) -> JsonObject:
    """Return a matrix of numbers from −1 to 1 as base64 of little-endian 16-bit steps of 0.0001.

    Example:
        >>> packed(np.array([[0.5]]))
        {'shape': [1, 1], 'step': 0.0001, 'base64': 'iBM='}
    """
    steps = np.rint(np.asarray(values) / _STEP).astype("<i2")
    return {"shape": list(steps.shape), "step": _STEP, "base64": base64.b64encode(steps.tobytes()).decode("ascii")}
