"""Methods for the grids of image models: bicubic, bilinear, nearest and tile."""

from __future__ import annotations

from posembed.tables import resample
from posembed.tables.method import Method
from posembed.tables.methods.copies import tile_index

_nearest, _keeps_nearest = resample.copying_grid(resample.nearest_index)
_tile, _keeps_tile = resample.copying_grid(tile_index)

BICUBIC = Method(
    "bicubic",
    "grid",
    "each axis by Keys's cubic kernel, a = −0.75, or −0.5 with antialias; as torch's interpolate",
    "nothing but the same grid",
    "ViT: Dosovitskiy et al. 2021, arXiv:2010.11929; timm with antialias, Transformers without",
    resample.bicubic,
    resample.keeps_same_grid,
)
BILINEAR = Method(
    "bilinear",
    "grid",
    "each axis linear between the neighbors, or a widened triangle with antialias; as torch's interpolate",
    "nothing but the same grid",
    "ViT's first code, with align_corners: Dosovitskiy et al. 2021, arXiv:2010.11929",
    resample.bilinear,
    resample.keeps_same_grid,
)
NEAREST = Method(
    "nearest",
    "grid",
    "P[⌊y·H/H'⌋, ⌊x·W/W'⌋]",
    "every row: all are copies",
    "control",
    _nearest,
    _keeps_nearest,
)
GRID_TILE = Method(
    "tile",
    "grid",
    "P[y mod H, x mod W]",
    "every row: all are copies",
    "SAM 3's image encoder in Transformers, at run time",
    _tile,
    _keeps_tile,
)
