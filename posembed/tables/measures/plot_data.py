"""Arrays that charts of a table draw, each within a stated size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.layout import TableLayout
from posembed.tables.measures.helix import main_components
from posembed.tables.measures.similarity import distance_curve
from posembed.tables.measures.sinusoids import sinusoidal_table
from posembed.tables.rows import Floats, as_rows, centered, require_grid, require_layout, unit_rows

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Cosines between positions, or between blocks of them.

    Attributes:
        values: ``[m, m]``, the mean cosine of the centered rows of two blocks.
        starts: ``[m]``, first position of each block.
        block: positions in a block (fewer in the last); 1 where every row is shown.
    """

    values: Floats
    starts: Index
    block: int


@dataclass(frozen=True, slots=True)
class Components:
    """Positions on the table's principal components.

    Attributes:
        coordinates: ``[k, 3]``; fewer columns where the table has fewer directions.
        positions: ``[k]``, which positions are shown.
        explained: share of the variance on each component.
    """

    coordinates: Floats
    positions: Index
    explained: Floats


@dataclass(frozen=True, slots=True)
class PatchMaps:
    """Cosine of chosen patches with every patch of a grid.

    Attributes:
        patches: ``[m]``, numbers of the patches that can be chosen, in row-major order.
        step: one row and one column of the grid in this many can be chosen.
        maps: ``[m, height · width]``.
    """

    patches: Index
    step: int
    maps: Floats


@dataclass(frozen=True, slots=True)
class TableViews:
    """All of a table's views; ``None`` where a view has no meaning for its kind."""

    heat_map: HeatMap
    components: Components
    patch_maps: PatchMaps | None
    sinusoid_by_distance: Floats | None


def table_views(table: NDArray[Any], layout: TableLayout | None = None) -> TableViews:
    """Return every view of a table's positions; reserved, prefix and suffix rows are left out.

    Example:
        >>> views = table_views(np.eye(8))
        >>> views.heat_map.block, views.components.coordinates.shape, views.patch_maps
        (1, (8, 3), None)
    """
    rows = as_rows(table)
    layout = layout or TableLayout(length=len(rows))
    require_layout(rows, layout)
    positions = rows[layout.position_rows]
    grid = layout.grid
    return TableViews(
        heat_map(positions),
        component_coordinates(positions),
        None if grid is None else patch_maps(positions, grid),
        sinusoid_by_distance(*positions.shape) if grid is None else None,
    )


def heat_map(positions: NDArray[Any], limit: int = 256) -> HeatMap:
    """Return the cosines of centered rows as at most ``limit × limit`` numbers.

    The mean cosine of two blocks of rows is the product of the blocks' mean unit rows, so large tables need no
    matrix of rows × rows.

    Example:
        >>> heat_map(np.eye(6), limit=3).block
        2
    """
    unit = unit_rows(centered(positions))
    block = -(-len(unit) // limit)
    starts = np.arange(0, len(unit), block)
    sizes = np.diff(np.append(starts, len(unit)))
    means = np.add.reduceat(unit, starts, axis=0) / sizes[:, None]
    return HeatMap(np.clip(means @ means.T, -1.0, 1.0), starts, block)


def component_coordinates(positions: NDArray[Any], limit: int = 2048) -> Components:
    """Return the positions on the three principal components; of more than ``limit`` positions every k-th.

    Example:
        >>> component_coordinates(np.eye(8), limit=4).positions.tolist()
        [0, 2, 4, 6]
    """
    coordinates, explained = main_components(positions)
    shown = np.arange(0, len(coordinates), -(-len(coordinates) // limit))
    return Components(coordinates[shown], shown, explained)


def patch_maps(positions: NDArray[Any], grid: tuple[int, int], limit: int = 1 << 19) -> PatchMaps:
    """Return the cosines of patches with all patches, at most ``limit`` numbers: fewer patches of a large grid.

    Example:
        >>> patch_maps(np.eye(6), (2, 3)).maps.shape
        (6, 6)
    """
    unit = unit_rows(centered(positions))
    require_grid(len(unit), grid)
    height, width = grid
    step = 1
    while -(-height // step) * -(-width // step) * len(unit) > limit and step < max(grid):
        step += 1
    rows, columns = np.meshgrid(np.arange(0, height, step), np.arange(0, width, step), indexing="ij")
    patches = (rows * width + columns).ravel()
    return PatchMaps(patches, step, np.clip(unit[patches] @ unit.T, -1.0, 1.0))


def sinusoid_by_distance(positions: int, d_model: int) -> Floats:
    """Return the mean cosine at each distance of the sinusoidal encoding of the same size, centered, ``[positions]``.

    Example:
        >>> sinusoid_by_distance(4, 2).shape
        (4,)
    """
    return distance_curve(sinusoidal_table(positions, d_model))
