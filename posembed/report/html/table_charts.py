"""The charts of one position table."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import numpy as np

from posembed.report.html.charts import Chart, Series, no_chart, packed, rounded
from posembed.report.terminal.inspect import positions_measures
from posembed.tables.measures.plot_data import TableViews

MOST_POINTS = 2048  # of a curve over distance; more are thinned out


def table_charts(analysis: dict[str, Any], views: TableViews) -> list[Chart]:
    """Return every chart of a table.

    Args:
        analysis: all its measures as plain values.
        views: the data of the charts.
    """
    alone = positions_measures(analysis)
    charts = [heat_chart(views), norm_chart(analysis)]
    if views.patch_maps is not None:
        charts.insert(0, patch_chart(views, alone["grid"]))
    charts.append(space_chart(views))
    if alone["grid"] is None:
        charts += [neighbour_chart(analysis), distance_chart(alone, views), power_chart(alone)]
    else:
        charts.append(distance_chart(alone, views))
    return [*charts, singular_chart(alone)]


def position_rows(layout: dict[str, Any]) -> slice:
    """The positions' rows among all rows of a table."""
    first = layout["reserved"] + layout["prefix"]
    return slice(first, first + layout["positions"])


def heat_chart(views: TableViews, name: str = "") -> Chart:
    """Cosines of every pair of positions, or of blocks of them."""
    heat = views.heat_map
    title = f"Cosine similarity of positions{name}"
    if len(heat.values) < 2:
        return no_chart("heat", title, "one position has no other to compare with")
    if not heat.values.any():
        return no_chart("heat", title, "all rows are equal, so none has a direction around their mean")
    away = heat.values[np.triu_indices(len(heat.values), 1)]
    near = np.diagonal(heat.values, 1).mean()
    how = "Every row" if heat.block == 1 else f"Means over blocks of {heat.block} positions"
    return Chart(
        "heat",
        title,
        "position (row of the table)",
        "position (row of the table)",
        f"{how}, centred: neighbours have cosine {_two(near)} on average, all pairs {_two(away.mean())}.",
        data={"matrix": packed(heat.values), "starts": heat.starts.tolist(), "block": heat.block},
    )


def _two(value: float) -> str:
    """Two digits, a true minus sign, and no minus zero."""
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")


def norm_chart(analysis: dict[str, Any]) -> Chart:
    """The norm of every row, with what is special marked."""
    norms, layout, found = analysis["profile"]["norm"], analysis["layout"], analysis["trained_range"]
    places = position_rows(layout)
    first = places.start
    marks = _other_rows(layout)
    if found["verdict"] == "ends":
        label = f"not trained from position {found['end']}"
        marks.append({"from": first + found["end"] - 0.5, "to": places.stop - 0.5, "label": label})
    rows = list(range(len(norms)))
    series = [Series("norm of the row", rows, norms)]
    odd = [first + place for place in found["odd_rows"]]
    if odd:
        series.append(Series("odd rows", odd, [norms[row] for row in odd], points=True))
    alone = norms[places]
    low, high = min(alone), max(alone)
    reading = f"The positions' norms lie between {low:.3g} and {high:.3g}, {fmean(alone):.3g} on average."
    if odd:
        reading += f" {len(odd)} row{'s' * (len(odd) > 1)} stand{'s' * (len(odd) == 1)} out from the neighbours."
    return Chart("lines", "Norm of each row", "row of the table", "Euclidean norm", reading, series, marks=marks)


def _other_rows(layout: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows that belong to no position."""
    marks, start = [], 0
    for name in ("reserved", "prefix"):
        if layout[name]:
            marks.append({"from": start - 0.5, "to": start + layout[name] - 0.5, "label": f"{name} rows"})
            start += layout[name]
    if layout["suffix"]:
        end = layout["rows"]
        marks.append({"from": end - layout["suffix"] - 0.5, "to": end - 0.5, "label": "suffix rows"})
    return marks


def neighbour_chart(analysis: dict[str, Any]) -> Chart:
    """How each row stands to its neighbours."""
    layout, profile = analysis["layout"], analysis["profile"]
    title = "Each row and its neighbours"
    places = position_rows(layout)
    cosines, rough = profile["neighbour_cosine"][places], profile["roughness"][places]
    known = [value for value in cosines if value is not None]
    if len(cosines) < 3 or not any(known):
        return no_chart("lines", title, "fewer than three positions, or all rows are equal")
    where = list(range(len(cosines)))
    return Chart(
        "lines",
        title,
        "position",
        "cosine; roughness (both without unit)",
        f"Cosine to the next row {fmean(known):.2f} on average (random rows: 0); roughness 1.22 is random, 0 smooth.",
        [Series("cosine to the next row", where, cosines), Series("roughness", where, rough, dash="dot")],
    )


def distance_chart(alone: dict[str, Any], views: TableViews) -> Chart:
    """Mean cosine over distance, beside that of the sinusoid."""
    similarity = alone["similarity"]
    grid = alone["grid"] is not None
    title = "Similarity over distance"
    if similarity["toeplitz_r2"] is None:
        return no_chart("lines", title, "fewer than three rows, or all of them equal")
    curve = similarity["by_distance"]
    step = -(-len(curve) // MOST_POINTS)
    series = [Series("this table", list(range(0, len(curve), step)), curve[::step])]
    reading = f"Distance alone explains {similarity['toeplitz_r2']:.1%} of the variance of the cosines."
    if views.sinusoid_by_distance is not None:
        fixed = views.sinusoid_by_distance.tolist()
        series.append(Series("sinusoidal encoding", list(range(0, len(fixed), step)), fixed[::step], dash="dash"))
        sinusoid = alone["spectrum"]["sinusoid"]
        if sinusoid is not None and sinusoid["correlation"] is not None:
            reading += f" Its cosines correlate {sinusoid['correlation']:.2f} with those of the sinusoidal encoding."
    unit = "distance (patches, rounded)" if grid else "distance (positions)"
    return Chart("lines", title, unit, "mean cosine", reading, series)


def power_chart(alone: dict[str, Any]) -> Chart:
    """Share of the variance at each frequency over the positions."""
    spectrum = alone["spectrum"]
    title = "Spectrum over positions"
    if spectrum["power"] is None:
        return no_chart("lines", title, "fewer than four rows, or all of them equal")
    power, frequencies = spectrum["power"], spectrum["power_frequencies"]
    low = sum(share for share, at in zip(power, frequencies, strict=True) if at <= 1 / 16)
    return Chart(
        "lines",
        title,
        "frequency (cycles a position)",
        "share of the variance",
        f"{low:.0%} of the variance lies at periods of 16 positions or more (random rows: 12 %).",
        [Series("power", frequencies[1:], [value if value > 0 else None for value in power[1:]])],
        log_y=True,
    )


def positive(singular: list[float]) -> list[float]:
    """Singular values that are more than rounding."""
    return [value for value in singular if value > 1e-9 * singular[0]]


def singular_chart(alone: dict[str, Any]) -> Chart:
    """Singular values, largest first."""
    spectrum = alone["spectrum"]
    title = "Singular values"
    values = positive(spectrum["singular_values"])
    if not values:
        return no_chart("lines", title, "all rows are equal")
    return Chart(
        "lines",
        title,
        "component",
        "singular value of the centred rows",
        f"Effective rank {spectrum['effective_rank']:.1f}, participation ratio {spectrum['participation_ratio']:.1f}, "
        f"of at most {min(alone['rows'] - 1, len(spectrum['singular_values']))} listed directions.",
        [Series("singular value", list(range(1, len(values) + 1)), values)],
        log_y=True,
    )


def space_chart(views: TableViews) -> Chart:
    """The positions on the three main components."""
    found = views.components
    title = "The positions on their main components"
    if not found.coordinates.shape[1] or len(found.positions) < 3:
        return no_chart("space", title, "fewer than three rows, or all of them equal")
    columns = [found.coordinates[:, k] if k < found.coordinates.shape[1] else None for k in range(3)]
    shares = ", ".join(f"{share:.0%}" for share in found.explained)
    return Chart(
        "space",
        title,
        "component 1",
        "component 2",
        f"The first components carry {shares} of the variance; the colour is the position.",
        data={
            "axes": [[0.0] * len(found.positions) if c is None else rounded(c.tolist()) for c in columns],
            "positions": found.positions.tolist(),
            "titles": ["component 1", "component 2", "component 3"],
        },
    )


def patch_chart(views: TableViews, grid: list[int] | tuple[int, int]) -> Chart:
    """Cosine of a chosen patch with all others."""
    maps = views.patch_maps
    assert maps is not None
    height, width = grid
    title = "Similarity of one patch to all"
    if not maps.maps.any():
        return no_chart("patches", title, "all rows are equal")
    every = "" if maps.step == 1 else f" One row and column in {maps.step} can be chosen."
    return Chart(
        "patches",
        title,
        "column of the grid (patches)",
        "row of the grid (patches)",
        f"Cosine of the chosen patch with each of the {height} × {width} patches; click on one to choose it.{every}",
        data={
            "matrix": packed(maps.maps),
            "patches": maps.patches.tolist(),
            "grid": [height, width],
            "step": maps.step,
        },
    )
