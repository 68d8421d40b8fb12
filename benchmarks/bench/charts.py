"""The charts of the page, drawn from the results alone: the same results give the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posembed.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's palette: distinguishable with every common form of color blindness.
OURS, OTHERS = "#0072B2", "#BBBBBB"
COLORS = (OURS, "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_LINE = 0.26  # inches for a bar
_PANEL = 3.4  # inches for a panel of lines


@dataclass(frozen=True)
class Bar:
    """One bar with its spread."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bars:
    """Bars of one unit, below one title; ``floor`` is a line that none can go below."""

    title: str
    unit: str
    bars: Sequence[Bar]
    floor: float | None = None


@dataclass(frozen=True)
class Line:
    """Values over sizes."""

    name: str
    sizes: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Lines:
    """Lines over one size, both axes logarithmic."""

    title: str
    size: str
    unit: str
    lines: Sequence[Line]


def draw_bars(groups: Sequence[Bars], path: Path, source: str) -> Path:
    """Draw groups of horizontal bars below one another; ours are colored."""
    from matplotlib.figure import Figure

    heights = [len(group.bars) + 1 for group in groups]
    figure = Figure(figsize=(7.6, _LINE * sum(heights) + 0.55 * len(groups)), layout="constrained")
    axes = figure.subplots(len(groups), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axis, group in zip(axes, groups, strict=True):
        names = [bar.name for bar in group.bars]
        values = [bar.value for bar in group.bars]
        spread = [[b.value - b.low for b in group.bars], [b.high - b.value for b in group.bars]]
        colors = [OURS if "posembed" in name or name.startswith("lab") else OTHERS for name in names]
        axis.barh(range(len(names)), values, xerr=spread, color=colors, ecolor="#666666", height=0.7)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.invert_yaxis()
        axis.tick_params(axis="x", labelsize=8)
        axis.set_xlabel(group.unit, fontsize=8)
        axis.set_title(group.title, fontsize=9, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
        if group.floor is not None:
            axis.axvline(group.floor, color="#D55E00", linewidth=1, linestyle="--")
    return _save(figure, path, source)


def draw_lines(panels: Sequence[Lines], path: Path, source: str, columns: int = 3) -> Path:
    """Draw panels of lines on logarithmic axes."""
    from matplotlib.figure import Figure

    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(_PANEL * columns, 2.6 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flatten()
    for axis, panel in zip(axes, panels, strict=False):
        for color, line in zip(COLORS, panel.lines, strict=False):
            axis.plot(line.sizes, line.values, color=color, marker="o", markersize=3, linewidth=1.2, label=line.name)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_title(panel.title, fontsize=9, loc="left")
        axis.set_xlabel(panel.size, fontsize=8)
        axis.set_ylabel(panel.unit, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(visible=True, which="major", color="#E5E5E5", linewidth=0.6)
        if len(panel.lines) > 1:
            axis.legend(fontsize=7, frameon=False)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return _save(figure, path, source)


def _save(figure: Figure, path: Path, source: str) -> Path:
    """Write an SVG without date and random names, which says from what it was drawn."""
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "posembed", "svg.fonttype": "none"}):
        write_whole(
            path,
            lambda temporary: figure.savefig(
                temporary, format="svg", facecolor="white", metadata={"Date": None, "Description": source}
            ),
            parents=True,
        )
    return path
