"""From a tensor's name and shape and the configuration to what its rows mean, with the evidence for each part."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import (
    Grid,
    Length,
    Node,
    affinity,
    explain_grid,
    explain_length,
    is_family,
    number,
)
from posembed.find.fallbacks import IMAGE_WORD, frames_and_patches, timm_grid, unexplained, video
from posembed.find.found import FieldRule, FoundTable, Kind
from posembed.find.verdict import Shape, verdict
from posembed.layout import TableLayout

_AXIS = re.compile(r"(?:^|[._])(?:[xywh]|row|col|column)_(?:pos\w*|embed\w*)|pos_embed_[xy]$")
_TIME = re.compile(r"temporal|time_embed|timestep|(?:^|\.)mit\.")
_WINDOW = re.compile(r"pos_embed_win(?:dow)?$")
_TEXT = re.compile(r"(?:^|[._])(?:text|language_model|decoder|bert|roberta|wpe|qformer|transformer)")
_CONVENTIONAL = re.compile(
    r"(?:position_embeddings?|embed_positions|positions_embed|wpe|pos_embed|pos_emb|positional_embedding"
    r"|position_embeds_layer|position_embedding_table)(?:_?\d+)?(?:\.weight)?$"
)
MOST_EXTRA = 16  # class, distillation and register rows; the most in the census is 8


def recognise(tensor: StoredTensor, shape: Shape, tree: list[Node], tensors: Mapping[str, StoredTensor]) -> FoundTable:
    """Say what the rows of a tensor mean that is named like a position table."""
    key = tensor.key
    if _AXIS.search(key) or (shape.memory == "H,W" and tensor.shape[0] == 2):
        return _axis(tensor, shape, tree)
    if _WINDOW.search(key) and shape.grid is not None:
        said = [
            f"named like a position table: {key}",
            f"a window of {shape.grid[0]} × {shape.grid[1]}, tiled over a grid",
        ]
        return verdict(tensor, shape, tree[0].model_type, "window", TableLayout(grid=shape.grid), said)
    if re.search(r"levels\.\d+\.pos_embed$", key) and shape.grid is not None and shape.memory == "1,H,W":
        side = math.isqrt(shape.rows)
        said = [f"named like a position table: {key}", f"{shape.grid[0]} blocks of {shape.grid[1]} rows (NesT)"]
        return verdict(tensor, shape, tree[0].model_type, "grid", TableLayout(grid=(side, side)), said)
    over_frames = next(filter(None, (frames_and_patches(node, shape.rows) for node in tree)), None)
    if over_frames is not None:
        return video(tensor, shape, *over_frames)
    if _TIME.search(key):
        return _counted(tensor, shape, tree, "time")
    timm = timm_grid(tensor, shape, tree, tensors)
    if timm is not None:
        return timm
    grids = sorted(_grids(key, shape, tree), key=lambda scored: -scored[0])
    lengths = sorted(_lengths(key, shape, tree), key=lambda scored: -scored[0])
    if shape.grid is not None:
        return _explicit_grid(tensor, shape, tree, grids[0][1] if grids else None)
    if grids and (not lengths or grids[0][0] > lengths[0][0]):
        return _grid(tensor, shape, grids[0][1])
    if lengths:
        return _sequence(tensor, shape, lengths[0][1], tree)
    return unexplained(tensor, shape, tree, tensors)


def _grids(key: str, shape: Shape, tree: list[Node]) -> Iterable[tuple[float, Grid]]:
    for depth, node in enumerate(tree):
        most = MOST_EXTRA
        for side in families.SUFFIXES:
            if is_family(node.model_type, side.families) and isinstance(side.suffix, str):
                most += number(node.fields.get(side.suffix)) or 0
        for grid in explain_grid(node, shape.rows, most):
            score = 6.0 - 0.5 * min(grid.extra, 8) + affinity(key, node) - 0.01 * depth
            score += 0.5 * (grid.pixels is not None and grid.extra < 2)  # a length field may repeat the same number
            score += 1.5 * bool(IMAGE_WORD.search(key)) + 1.0 * (shape.memory != "rows") - 1.0 * (grid.pixels is None)
            score -= 3.0 * bool(_TEXT.search(key) and not IMAGE_WORD.search(key) and shape.memory == "rows")
            yield score, grid


def _lengths(key: str, shape: Shape, tree: list[Node]) -> Iterable[tuple[float, Length]]:
    for depth, node in enumerate(tree):
        for length in explain_length(node, shape.rows):
            usual = length.name in families.LENGTH_FIELDS
            score = (6.0 if usual else 3.5) - 0.5 * length.more + affinity(key, node) - 0.01 * depth
            score -= 3.0 * bool(IMAGE_WORD.search(key) and not _TEXT.search(key)) + 3.0 * (shape.memory == "1,rows")
            for here, there in (("encoder", "decoder"), ("decoder", "encoder")):
                if here in length.name:
                    score += 1.0 * (here in key) - 2.0 * (there in key and here not in key)
            score -= 2.0 * ("source" in length.name and "decoder" in key) + 2.0 * (
                "target" in length.name and "encoder" in key
            )
            yield score, length


def _sequence(tensor: StoredTensor, shape: Shape, length: Length, tree: list[Node]) -> FoundTable:
    node, rows = length.node, shape.rows
    explained = f"rows {rows} = {node.dotted(length.name)}" + (f" + {length.more}" if length.more else "")
    evidence = [f"named like a position table: {tensor.key}", explained]
    reserved, uncertain = _reserved(tensor.key, rows, length, tree, evidence)
    fields = (FieldRule(node.dotted(length.name), "rows", (length.more, 0)),)
    layout = TableLayout(length=rows - reserved, reserved=reserved)
    uncertain = uncertain or (not _CONVENTIONAL.search(tensor.key) and length.name not in families.LENGTH_FIELDS)
    found = verdict(tensor, shape, node.model_type, "sequence", layout, evidence, uncertain=uncertain, fields=fields)
    for kinds, key, ahead in families.LOOK_AHEAD:
        if is_family(node.model_type, kinds) and re.search(key, tensor.key):
            return replace(found, look_ahead=ahead, evidence=(*found.evidence, f"{ahead} row is for looking ahead"))
    return found


def _reserved(key: str, rows: int, length: Length, tree: list[Node], evidence: list[str]) -> tuple[int, bool]:
    """Rows before position 0, and whether that stays open."""
    node = length.node
    types = list(dict.fromkeys((node.model_type, tree[0].model_type)))
    for offset in families.OFFSETS:
        if not re.search(offset.key, key) or not any(is_family(kind, offset.families) for kind in types):
            continue
        if offset.reserved == "pad":
            pad = number(node.fields.get("pad_token_id", tree[0].fields.get("pad_token_id")))
            pad = offset.default_pad if pad is None else pad
            if not 0 <= pad + 1 < rows:
                evidence.append(f"pad_token_id {pad} cannot be a row of {rows}, so where positions start stays open")
                return 0, True
            evidence.append(f"reserved {pad + 1} = pad_token_id + 1 ({offset.source})")
            return pad + 1, False
        if offset.reserved == 2 and "*" in offset.families and length.more != 2:
            continue
        evidence.append(f"reserved {offset.reserved}: {offset.source}")
        return int(offset.reserved), False
    if length.more:
        evidence.append(f"reserved {length.more}: rows beyond the field are taken to stand before position 0")
        return length.more, length.more != 2
    pad = number(node.fields.get("pad_token_id")) or 0
    if 0 < pad < 4 and rows > 64 and rows % 64 == pad + 1:
        evidence.append(f"reserved {pad + 1}: {rows} = {rows - pad - 1} + pad_token_id + 1, as in the RoBERTa family")
        return pad + 1, "roberta" not in key
    evidence.append("reserved 0: the field counts every row")
    return 0, False


def _grid(tensor: StoredTensor, shape: Shape, grid: Grid) -> FoundTable:
    node, family = grid.node, grid.node.model_type
    if grid.pixels is not None:
        image, patch = (node.dotted(name) for name in grid.names)
        how = f"{image} // {patch}"
    else:
        how = " × ".join(node.dotted(name) for name in grid.names)
    evidence = [
        f"named like a position table: {tensor.key}",
        f"rows {shape.rows} = {grid.height} × {grid.width}" + (f" + {grid.extra}" if grid.extra else "") + f" ({how})",
    ]
    suffix = 0
    for side in families.SUFFIXES:
        if is_family(family, side.families):
            more = number(node.fields.get(side.suffix)) if isinstance(side.suffix, str) else side.suffix
            suffix = min(more or 0, grid.extra)
            evidence.append(f"suffix {suffix}: {side.source}")
    prefix = grid.extra - suffix
    if prefix:
        evidence.append(f"prefix {prefix}: class and other tokens stand before the patches")
    layout = TableLayout(grid=(grid.height, grid.width), prefix=prefix, suffix=suffix)
    return verdict(tensor, shape, family, "grid", layout, evidence, fields=grid_fields(grid))


def grid_fields(grid: Grid) -> tuple[FieldRule, ...]:
    """The fields that must follow a grid of another size."""
    node = grid.node
    if grid.names == families.SPECTROGRAM_FIELDS:
        bins, frames, patch, *strides = families.SPECTROGRAM_FIELDS
        size = number(node.fields.get(patch)) or 1
        steps = [number(node.fields.get(stride)) or 1 for stride in strides]
        return (
            FieldRule(node.dotted(bins), "bins", (size, steps[0])),
            FieldRule(node.dotted(frames), "frames", (size, steps[1])),
        )
    if grid.pixels is not None:
        return (FieldRule(node.dotted(grid.names[0]), "pixels", grid.pixels),)
    count = number(node.fields.get(grid.names[0]))
    unit = "count" if len(grid.names) == 1 and count == grid.height * grid.width and count != grid.height else "side"
    return tuple(FieldRule(node.dotted(name), "count" if unit == "count" else "side") for name in grid.names)


def _explicit_grid(tensor: StoredTensor, shape: Shape, tree: list[Node], grid: Grid | None) -> FoundTable:
    assert shape.grid is not None
    same = grid is not None and (grid.height, grid.width) == shape.grid and grid.extra == 0
    evidence = [
        f"named like a position table: {tensor.key}",
        f"its shape {list(tensor.shape)} is a grid of {shape.grid[0]} × {shape.grid[1]}",
    ]
    node = grid.node if same and grid is not None else tree[0]
    layout = TableLayout(grid=shape.grid)
    fields = grid_fields(grid) if same and grid is not None else ()
    known = bool(_CONVENTIONAL.search(tensor.key))
    return verdict(
        tensor, shape, node.model_type, "grid", layout, evidence, uncertain=not (same or known), fields=fields
    )


def _axis(tensor: StoredTensor, shape: Shape, tree: list[Node]) -> FoundTable:
    return _counted(tensor, shape, tree, "axis")


def _counted(tensor: StoredTensor, shape: Shape, tree: list[Node], kind: Kind) -> FoundTable:
    """Tables indexed by a coordinate's value or a time step: every row is a position."""
    lengths = sorted(_lengths(tensor.key, shape, tree), key=lambda scored: -scored[0])
    evidence = [f"named like a table of {'coordinates' if kind == 'axis' else 'time steps'}: {tensor.key}"]
    fields: tuple[FieldRule, ...] = ()
    node = tree[0]
    if lengths:
        best = lengths[0][1]
        node = best.node
        evidence.append(f"rows {shape.rows} = {node.dotted(best.name)}" + (f" + {best.more}" if best.more else ""))
        fields = (FieldRule(node.dotted(best.name), "rows", (best.more, 0)),)
    layout = TableLayout(length=shape.rows)
    return verdict(tensor, shape, node.model_type, kind, layout, evidence, fields=fields)
