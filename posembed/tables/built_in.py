"""The methods that come with the library, in the order in which they are listed."""

from __future__ import annotations

from posembed.tables.method import Direction, Kind, Method
from posembed.tables.methods.averaging import MEAN
from posembed.tables.methods.controls import RANDOM, ZEROS
from posembed.tables.methods.copies import CROP, GROUPED, REPEAT_LAST, TILE
from posembed.tables.methods.grids import BICUBIC, BILINEAR, GRID_TILE, NEAREST
from posembed.tables.methods.hierarchy import HIERARCHICAL
from posembed.tables.methods.interpolation import CUBIC, LINEAR
from posembed.tables.methods.sinusoid import GRID_SINUSOID, SINUSOID
from posembed.tables.methods.stretching import STRETCH

__all__ = ["BUILT_IN", "Direction", "Kind", "Method"]

#: In every formula L old rows P, N new ones; t counts the new ones from 0.
BUILT_IN: tuple[Method, ...] = (
    LINEAR,
    CUBIC,
    TILE,
    GROUPED,
    HIERARCHICAL,
    STRETCH,
    REPEAT_LAST,
    MEAN,
    ZEROS,
    RANDOM,
    CROP,
    SINUSOID,
    BICUBIC,
    BILINEAR,
    NEAREST,
    GRID_TILE,
    GRID_SINUSOID,
)
