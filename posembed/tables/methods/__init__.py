"""Methods, one kind of construction in a file: from the old rows ``[L, d]`` to the new ones ``[N, d]``.

Each function is pure, works in the dtype it is given (float32 or float64) and never changes its input. Beside each
stands its promise (``keeps_…``): the pairs (old row, new row) that are equal bit for bit.
"""

from posembed.tables.methods.arguments import old_rows, whole
from posembed.tables.methods.averaging import keeps_mean, mean
from posembed.tables.methods.controls import keeps_random, random, zeros
from posembed.tables.methods.copies import copying, grouped_index, keeps_tile, last_index, tile, tile_index
from posembed.tables.methods.hierarchy import hierarchical, keeps_hierarchical
from posembed.tables.methods.interpolation import cubic, keeps_whole_steps, linear
from posembed.tables.methods.kept_rows import keeps_nothing, keeps_old_rows
from posembed.tables.methods.stretching import keeps_stretch, stretch

__all__ = [
    "copying",
    "cubic",
    "grouped_index",
    "hierarchical",
    "keeps_hierarchical",
    "keeps_mean",
    "keeps_nothing",
    "keeps_old_rows",
    "keeps_random",
    "keeps_stretch",
    "keeps_tile",
    "keeps_whole_steps",
    "last_index",
    "linear",
    "mean",
    "old_rows",
    "random",
    "stretch",
    "tile",
    "tile_index",
    "whole",
    "zeros",
]
