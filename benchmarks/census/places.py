"""Judge a table over the places of an image, a film or a sound."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.census.inputs import CORNERS, LATE, Recipe
from benchmarks.census.resize import explain, token_values
from benchmarks.census.trace import RowMap, Scene, row_map

Verdict = dict[str, Any]


def judge_parts(recipe: Recipe, stage: Scene, table: Tensor) -> Verdict | None:
    """Judge an array that stacks two tables whose rows are added, one along each axis of the image."""
    if table.ndim != 3 or table.shape[0] != 2:
        return None
    for part in range(2):
        found = row_map(stage, table, part)
        if isinstance(found, str) or not found.clean:
            return None
        rows = found.rows % table.shape[1]
        if judge_places(recipe, replace(found, rows=rows)).get("kind") != "axis":
            return None
    return {"is": "table", "kind": "axis", "rows": table.shape[1], "channel_axis": 2, "why": "one table an axis, added"}


def shared_plane(filled: np.ndarray, at: dict[str, int]) -> list[int] | None:
    """Find the plane of rows that several frames or streams read, each as a whole."""
    used, counts = np.unique(filled, return_counts=True)
    if set(CORNERS) > at.keys() or len(set(counts.tolist())) != 1:
        return None
    width = at["top right"] - at["top left"] + 1
    drop = at["bottom left"] - at["top left"]
    if width < 2 or drop <= 0 or drop % width or (drop // width + 1) * width != len(used):
        return None
    return [drop // width + 1, width]


def judge_places(recipe: Recipe, found: RowMap) -> Verdict:
    """Judge a table over an image or a sound: every token with content has its own row."""
    rows, total = found.rows, int(np.prod(found.shape))
    filled = rows[found.content & (rows >= 0)].astype(int)
    if len(set(filled)) < 2:
        return {"is": "type", "why": "one row for all places"}
    low, high = int(filled.min()), int(filled.max())
    at = {p: int(rows[t]) for p, t in found.at.items()}
    verdict: Verdict = {"is": "table", "rows": total, "prefix": low, "suffix": total - 1 - high, "at": at}
    if len(set(filled)) < len(filled):
        plane = torch.arange(low, high + 1, dtype=torch.float)
        side = math.isqrt(len(plane))
        if len(set(filled)) == len(plane) == side * side:
            name, error, _ = explain(plane.reshape(1, 1, side, side), torch.from_numpy(rows.astype(np.float32)))
            if error < 0.01 and name.startswith("tile"):
                return verdict | {"kind": "grid", "grid": [side, side], "resize": name}
        first = at.get("top left")
        if LATE in at and at[LATE] != first and all(at.get(c) == first for c in CORNERS):
            return verdict | {"kind": "time"}
        if shared := shared_plane(filled, at):
            return verdict | {"kind": "grid", "grid": shared, "why": "shared by several frames or streams"}
        if len(set(at.values())) == 1 or len(set(filled)) < 4:
            return {"is": "type", "why": "one row for each kind of token"}
        level, upright = first == at.get("top right"), first == at.get("bottom left")
        if (level or upright) and len(set(filled)) ** 2 <= 4 * len(filled):
            return verdict | {"kind": "axis", "prefix": low, "along": "rows" if level else "columns"}
        return verdict | {"kind": "other", "why": f"{len(filled)} places share {len(set(filled))} rows"}
    if recipe.kind == "sound":
        across, down = (
            at.get("top right", low) - at.get("top left", low),
            at.get("bottom left", low) - at.get("top left", low),
        )
        short, long = sorted((down + 1, across + 1))
        short, long = short, long - 1
        if down > 0 and across > 0 and long % short == 0 and (long // short + 1) * short == len(filled):
            return verdict | {"kind": "grid", "grid": [long // short + 1, short], "why": "frequency × time"}
        return verdict | {"kind": "time"}
    if set(CORNERS) <= at.keys() and len(filled) > 3:
        width, drop = at["top right"] - at["top left"] + 1, at["bottom left"] - at["top left"]
        if width > 0 and drop >= 0 and drop % width == 0:
            plane = [drop // width + 1, width]
            area = plane[0] * plane[1]
            if len(filled) > area and len(filled) % area == 0 and high - low + 1 == len(filled):
                return verdict | {"kind": "grid", "grid": [len(filled) // area, *plane]}
            if at["top left"] + area <= total:
                return verdict | {
                    "kind": "grid",
                    "grid": plane,
                    "prefix": at["top left"],
                    "suffix": total - at["top left"] - area,
                }
    return {"is": "unresolved", "why": f"places hold rows {at} of {total}, no plane"}


def _area(plane: list[tuple[int, int]] | None, count: int) -> int:
    """Say how many tokens one whole image holds where several are stacked."""
    area = plane[0][0] * plane[0][1] if plane else count
    return area if area and count % area == 0 else count


def judge_resampled(recipe: Recipe, stage: Scene, table: Tensor) -> Verdict | None:
    """Judge a table that is resized to the image at run time: some resize of torch must explain what all tokens get."""
    image, patch = recipe.note.get("image"), recipe.note["patch"]
    plane = [(image[0] // patch, image[1] // patch)] if image and image[0] != image[1] else None
    for channel in sorted(range(table.ndim), key=lambda a: (a != table.ndim - 1, a)):
        shape = [s for a, s in enumerate(table.shape) if a != channel]
        total = int(np.prod(shape))
        if table.shape[channel] == 1 or total < 4:
            continue
        values = torch.randn(total, generator=torch.Generator().manual_seed(11))
        delta = values.reshape(shape).unsqueeze(channel).expand_as(table).contiguous()
        gained = token_values(stage, table, delta)
        if gained is None:
            continue
        for prefix in (0, 1, 2, 5, 8):
            side = math.isqrt(max(total - prefix, 0))
            grid = (side, side)
            if side * side != total - prefix:
                grid = plane[0] if plane and plane[0][0] * plane[0][1] == total - prefix else (0, 0)
            if min(grid) < 2:
                continue
            # rows of class tokens stand between the windows of some models; others add the class row to every token
            apart = (gained[:, None] - values[None, :prefix]).abs().amin(1) > 1e-4 if prefix else gained == gained
            own = gained[apart][: _area(plane, int(apart.sum()))]
            for reading in (own, 2 * own - values[0]) if prefix else (own,):
                name, error, seen = explain(values[prefix:].reshape(1, 1, *grid), reading, plane)
                if error < 0.01:
                    verdict = {"is": "table", "kind": "grid", "grid": list(grid), "prefix": prefix, "suffix": 0}
                    verdict |= {"rows": total, "resize": name, "channel_axis": channel}
                    resized = f"always resized (here to {seen[0]}×{seen[1]})"
                    return verdict | {"why": resized if reading is own else "the class row is added to every place"}
    return None
