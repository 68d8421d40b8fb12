"""Which resize of torch explains what the tokens of an image get from a table."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.census.trace import Scene, shift, token_axes


def token_values(stage: Scene, table: Tensor, delta: Tensor, event: int | None = None) -> Tensor | None:
    """Read what each token gets when a table grows by `delta`, in units of what it gets when the table grows by one."""
    unit = shift(stage, table, torch.ones_like(table), event)
    if unit is None or not (axes := token_axes(stage, unit[0])):
        return None
    read = shift(stage, table, delta, unit[0])
    if read is None:
        return None
    scaled = read[1] / unit[1].where(unit[1].abs() > 1e-3, torch.nan)
    others = [a for a in range(scaled.ndim) if a not in axes]
    moved = scaled.permute(*axes, *others)
    return moved.reshape(int(np.prod([scaled.shape[a] for a in axes])), -1).nanmedian(1).values


def variants(plane: Tensor, size: tuple[int, int]) -> Iterator[tuple[str, Tensor]]:
    """Yield the resizes of torch by name."""
    for mode in ("bicubic", "bilinear"):
        yield mode, F.interpolate(plane, size, mode=mode)
        yield f"{mode} antialias", F.interpolate(plane, size, mode=mode, antialias=True)
        yield f"{mode} align_corners", F.interpolate(plane, size, mode=mode, align_corners=True)
    for mode in ("nearest", "nearest-exact", "area"):
        yield mode, F.interpolate(plane, size, mode=mode)
    height, width = plane.shape[-2:]
    yield "tile", plane.repeat(1, 1, -(-size[0] // height), -(-size[1] // width))[..., : size[0], : size[1]]
    if size[0] <= height and size[1] <= width:
        yield "crop", plane[..., : size[0], : size[1]]
        top, left = (height - size[0]) // 2, (width - size[1]) // 2
        yield "center crop", plane[..., top : top + size[0], left : left + size[1]]


def explain(
    plane: Tensor, gained: Tensor, sizes: list[tuple[int, int]] | None = None
) -> tuple[str, float, tuple[int, int]]:
    """Name the resize whose result is nearest to what the tokens gained, in their order or, failing that, in any."""
    best = ("none", float("inf"), (0, 0))
    for size in sizes or _planes(len(gained)):
        count = size[0] * size[1]
        for start in {0, len(gained) - count, 1} if len(gained) >= count else ():
            mine = gained[start : start + count]
            if len(mine) < count:
                continue
            for name, made in variants(plane, size):
                error = float((mine - made.flatten()).abs().max())
                ordered = float((mine.sort().values - made.flatten().sort().values).abs().max())
                for label, value in ((name, error), (f"{name} (tokens in another order)", ordered + 1e-6)):
                    if value < best[1]:
                        best = (label, value, size)
    return best


def _planes(count: int) -> list[tuple[int, int]]:
    """List the planes, square or two squares high, that a number of tokens can hold after up to eight extra ones."""
    sides = {int(max(count - extra, 0) ** 0.5) for extra in range(9)}
    squares = [(s, s) for s in sides if s > 1 and s * s <= count <= s * s + 8]
    half = int((count / 2) ** 0.5)
    return squares + ([(2 * half, half)] if half > 1 and 2 * half * half == count else [])
