"""Charts of a table's rows: cosine heat map, principal components, the similarity of one patch to all others."""

from __future__ import annotations

import numpy as np

from posembed.report.html.charts import Chart, no_chart, packed, rounded
from posembed.tables.measures.plot_data import TableViews


def heat_chart(views: TableViews, name: str = "") -> Chart:
    """Return the cosines of every pair of positions, or of blocks of them.

    Args:
        views: of the table.
        name: appended to the title.
    """
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
        f"{how}, centered: neighbors have cosine {_two(near)} on average, all pairs {_two(away.mean())}.",
        data={"matrix": packed(heat.values), "starts": heat.starts.tolist(), "block": heat.block},
    )


def _two(value: float) -> str:
    """Return two digits, with a true minus sign and without a minus zero."""
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00").replace("-", "−")


def space_chart(views: TableViews) -> Chart:
    """Return the positions on the three principal components."""
    found = views.components
    title = "The positions on their principal components"
    if not found.coordinates.shape[1] or len(found.positions) < 3:
        return no_chart("space", title, "fewer than three rows, or all of them equal")
    columns = [found.coordinates[:, k] if k < found.coordinates.shape[1] else None for k in range(3)]
    shares = ", ".join(f"{share:.0%}" for share in found.explained)
    return Chart(
        "space",
        title,
        "component 1",
        "component 2",
        f"The first components carry {shares} of the variance; the color is the position.",
        data={
            "axes": [[0.0] * len(found.positions) if c is None else rounded(c.tolist()) for c in columns],
            "positions": found.positions.tolist(),
            "titles": ["component 1", "component 2", "component 3"],
        },
    )


def patch_chart(views: TableViews, grid: tuple[int, int]) -> Chart:
    """Return the cosines of a chosen patch with all others."""
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
        choice=(height, width, maps.step),
    )
