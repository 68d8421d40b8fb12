"""Judge one array in one scene: a table of places, and of which kind, or a look-alike, and why."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.census.inputs import DECODER_LENGTH, LENGTH, Recipe
from benchmarks.census.places import Verdict, judge_parts, judge_places, judge_resampled
from benchmarks.census.trace import RowMap, Scene, row_map


def gradient_rows(tower: nn.Module, inputs: dict[str, Any], table: Tensor) -> set[int]:
    """Find the rows of a two-axis table that any output depends on."""
    held = {p: p.requires_grad for p in tower.parameters()}
    for p in held:
        p.requires_grad_(p is table)
    try:
        output = tower(**inputs)
        values = [
            v
            for v in (output if isinstance(output, tuple) else output.values())
            if isinstance(v, Tensor) and v.requires_grad
        ]
        generator = torch.Generator().manual_seed(2)
        total = sum((v * torch.randn(v.shape, generator=generator)).sum() for v in values)
        (gradient,) = torch.autograd.grad(total, table, allow_unused=True) if values else (None,)
    finally:
        for p, required in held.items():
            p.requires_grad_(required)
    return set() if gradient is None else set(torch.nonzero(gradient.abs().sum(1)).flatten().tolist())


def by_gradient(recipe: Recipe, tower: nn.Module, table: Tensor) -> Verdict | None:
    """Judge a table that reaches tokens by several ways (as look-ahead streams) by the rows with a gradient.

    A relative bias grows by a row a token too while the input is short; at forty tokens it no longer does.
    """
    if table.ndim != 2 or not isinstance(recipe.size[0], int):
        return None
    base = sorted(gradient_rows(tower, recipe.make("base", recipe.size), table))
    other = sorted(gradient_rows(tower, recipe.make("content", recipe.size), table))
    if len(base) < 2 or base != other or base != list(range(base[0], base[0] + len(base))):
        return None
    rows = table.shape[0]
    for stream, (now, then) in enumerate(zip(recipe.size, recipe.longer, strict=True)):
        ahead = len(base) - now
        usable = rows - base[0] - ahead
        if ahead < 0 or then <= now or usable < then:
            continue
        lengths = (then, min(40, usable))
        sizes = [(*recipe.longer[:stream], n, *recipe.longer[stream + 1 :]) for n in lengths]
        grown = [sorted(gradient_rows(tower, recipe.make("base", size), table)) for size in sizes]
        if all(g == list(range(base[0], base[0] + n + ahead)) for g, n in zip(grown, lengths, strict=True)):
            verdict = {"is": "table", "kind": "sequence", "reserved": base[0], "rows": rows, "usable": usable}
            return verdict | {"tokens": 0} | ({"why": f"reads {ahead} rows ahead"} if ahead else {})
    return None


def by_full_length(table: Tensor, longer: Callable[[int], Scene]) -> Verdict | None:
    """Judge a table that is resampled to the tokens' length: at its own length it must be read row by row."""
    rows = max(table.shape[:-1])
    if not 30 <= rows <= 1100:
        return None
    try:
        found = row_map(longer(rows - 3), table)
    except Exception:
        return None
    if isinstance(found, str) or not np.array_equal(found.rows, np.arange(rows)):
        return None
    return {
        "is": "table",
        "kind": "sequence",
        "reserved": 0,
        "rows": rows,
        "usable": rows,
        "tokens": 0,
        "why": "resampled to the tokens' length",
    }


def judge_sequence(
    recipe: Recipe, stage: Scene, table: Tensor, found: RowMap, swapped: Scene, longer: Callable[[int], Scene]
) -> Verdict:
    """Judge a table over tokens: contiguous rows, whatever the tokens, one row more a token."""
    count, outside = len(found.rows), False
    other = row_map(swapped, table)
    if isinstance(other, str) or not np.array_equal(found.rows, other.rows):
        return {"is": "content", "why": "the rows follow the content"}
    if len(set(found.rows[found.rows >= 0])) < 2:
        return {"is": "type", "why": "one row for every token"}
    first = int(found.rows[0])
    if bool(found.content.any()) and not found.content.all() and (found.rows[~found.content] < 0).all():
        found = replace(found, rows=found.rows[found.content], content=found.content[found.content])
        count = len(found.rows)
        outside = True
    if not np.array_equal(found.rows, np.arange(first, first + count)):
        return (
            by_gradient(recipe, stage.tower, table)
            or by_full_length(table, longer)
            or {"is": "odd", "why": f"rows {found.rows[:8].tolist()} are not contiguous"}
        )
    grown = row_map(longer(count), table)
    if isinstance(grown, str) or not grown.clean:
        return {"is": "odd", "why": f"at a greater length: {grown if isinstance(grown, str) else 'unclear'}"}
    if outside:
        grown = replace(grown, rows=grown.rows[grown.content])
    more = len(grown.rows)
    if more <= count or not np.array_equal(grown.rows, np.arange(first, first + more)):
        return {"is": "fixed length", "why": f"{count} rows, then {more}"}
    rows = int(np.prod(found.shape))
    return {"is": "table", "kind": "sequence", "reserved": first, "rows": rows, "usable": rows - first, "tokens": count}


def judge_boxes(recipe: Recipe, stage: Scene, table: Tensor) -> Verdict | None:
    """Judge a table that is indexed by coordinates: its rows follow the boxes and nothing else.

    A bias by the distance of two boxes follows them too, but not where all tokens share one box.
    """
    if recipe.kind != "text" or "bbox" not in stage.inputs or table.ndim != 2:
        return None
    base, boxed, texted, one, other = (
        gradient_rows(stage.tower, recipe.make(v, recipe.size), table)
        for v in ("base", "box", "content", "same", "box same")
    )
    if base != boxed and base == texted and len(base) > 1 and one != other:
        return {"is": "table", "kind": "axis", "rows": table.shape[0], "channel_axis": 1}
    return None


def judge(
    recipe: Recipe, stage: Scene, table: Tensor, swapped: Scene | None, longer: Callable[[int], Scene]
) -> Verdict:
    """Judge one array in one scene."""
    if boxes := judge_boxes(recipe, stage, table):
        return boxes
    found = row_map(stage, table)
    over_tokens = recipe.longer is not None
    if isinstance(found, str) or (over_tokens and not found.clean):
        by_rows = by_gradient(recipe, stage.tower, table) if over_tokens and found != "no effect" else None
        why = found if isinstance(found, str) else "its rows do not reach tokens one by one"
        return by_rows or {"is": found if isinstance(found, str) else "not additive", "why": why}
    verdict: Verdict = {"is": "not additive", "why": "its rows do not reach tokens one by one"}
    if swapped is not None and (recipe.kind == "text" or len(found.rows) in (LENGTH, DECODER_LENGTH)):
        verdict = judge_sequence(recipe, stage, table, found, swapped, longer)
    elif found.clean:
        verdict = judge_places(recipe, found)
    elif recipe.kind == "image":
        verdict = judge_resampled(recipe, stage, table) or judge_parts(recipe, stage, table) or verdict
    return verdict | {
        "event": found.event,
        "channel_axis": verdict.get("channel_axis", found.channel_axis),
        "clean": found.clean,
    }
