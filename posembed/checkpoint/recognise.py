"""From a tensor's name and shape and the configuration to what its rows mean, with the evidence for each part."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from posembed.checkpoint import families
from posembed.checkpoint.configuration import (
    Grid,
    Length,
    Node,
    affinity,
    explain_grid,
    explain_length,
    is_family,
    number,
    pair,
)
from posembed.checkpoint.found import FieldRule, FoundTable, Kind, Memory
from posembed.checkpoint.tensors import StoredTensor
from posembed.layout import TableLayout

_AXIS = re.compile(r"(?:^|[._])(?:[xywh]|row|col|column)_(?:pos\w*|embed\w*)")
_TIME = re.compile(r"temporal|time_embed|timestep|(?:^|\.)mit\.")
_IMAGE = re.compile(r"(?:^|[._])(?:vision|visual|image|img|video|patch|vit|pixel)")
_TEXT = re.compile(r"(?:^|[._])(?:text|language_model|decoder|bert|roberta|wpe|qformer|transformer)")
_CONVENTIONAL = re.compile(
    r"(?:position_embeddings?|embed_positions|positions_embed|wpe|pos_embed|pos_emb|positional_embedding"
    r"|position_embeds_layer|position_embedding_table)(?:\.weight)?$"
)
_EXTRA_TOKENS = re.compile(r"(?:^|[._])(?:cls|class|dist|distillation|reg|register)_?(?:token|embedding|embed)s?\d*$")
MOST_EXTRA = 16  # class, distillation and register rows; the most in the census is 8


@dataclass(frozen=True, slots=True)
class Shape:
    """A tensor's shape read as rows of one width."""

    memory: Memory
    rows: int
    width: int
    grid: tuple[int, int] | None


def recognise(tensor: StoredTensor, shape: Shape, tree: list[Node], tensors: Mapping[str, StoredTensor]) -> FoundTable:
    """Say what the rows of a tensor mean that is named like a position table."""
    key = tensor.key
    if _AXIS.search(key):
        return _axis(tensor, shape, tree)
    video = next(filter(None, (_frames(node, shape.rows) for node in tree)), None)
    if video is not None:
        return _video(tensor, shape, *video)
    if _TIME.search(key):
        return _counted(tensor, shape, tree, "time")
    grids = sorted(_grids(key, shape, tree), key=lambda scored: -scored[0])
    lengths = sorted(_lengths(key, shape, tree), key=lambda scored: -scored[0])
    if shape.grid is not None:
        return _explicit_grid(tensor, shape, tree, grids[0][1] if grids else None)
    if grids and (not lengths or grids[0][0] > lengths[0][0]):
        return _grid(tensor, shape, grids[0][1])
    if lengths:
        return _sequence(tensor, shape, lengths[0][1], tree)
    return _unexplained(tensor, shape, tree, tensors)


def _grids(key: str, shape: Shape, tree: list[Node]) -> Iterable[tuple[float, Grid]]:
    for depth, node in enumerate(tree):
        most = MOST_EXTRA
        for side in families.SUFFIXES:
            if is_family(node.model_type, side.families) and isinstance(side.suffix, str):
                most += number(node.fields.get(side.suffix)) or 0
        for grid in explain_grid(node, shape.rows, most):
            score = 6.0 - 0.5 * min(grid.extra, 8) + affinity(key, node) - 0.01 * depth
            score += 1.5 * bool(_IMAGE.search(key)) + 1.0 * (shape.memory != "rows") - 1.0 * (grid.pixels is None)
            score -= 3.0 * bool(_TEXT.search(key) and not _IMAGE.search(key) and shape.memory == "rows")
            yield score, grid


def _lengths(key: str, shape: Shape, tree: list[Node]) -> Iterable[tuple[float, Length]]:
    for depth, node in enumerate(tree):
        for length in explain_length(node, shape.rows):
            usual = length.name in families.LENGTH_FIELDS
            score = (6.0 if usual else 3.5) - 0.5 * length.more + affinity(key, node) - 0.01 * depth
            score -= 3.0 * bool(_IMAGE.search(key) and not _TEXT.search(key)) + 3.0 * (shape.memory == "1,rows")
            for here, there in (("encoder", "decoder"), ("decoder", "encoder")):
                if here in length.name:
                    score += 1.0 * (here in key) - 2.0 * (there in key and here not in key)
            score -= 2.0 * ("source" in length.name and "decoder" in key) + 2.0 * (
                "target" in length.name and "encoder" in key
            )
            yield score, length


def _found(
    tensor: StoredTensor,
    shape: Shape,
    family: str,
    kind: Kind,
    layout: TableLayout,
    evidence: list[str],
    *,
    uncertain: bool = False,
    fields: tuple[FieldRule, ...] = (),
) -> FoundTable:
    resize = next((r for kinds, r in families.RESIZES if is_family(family, kinds)), families.DEFAULT_RESIZE)
    return FoundTable(
        tensor.key,
        tensor.shape,
        tensor.dtype,
        tensor.file,
        family or guessed_family(tensor.key),
        layout,
        tuple(evidence),
        uncertain,
        None,
        kind,
        shape.memory,
        fields,
        resize,
    )


def guessed_family(key: str) -> str:
    """Which library's names a key has, where no configuration says the family."""
    if re.search(r"(?:^|\.)positional_embedding$", key):
        return "open_clip"
    return "timm" if re.search(r"(?:^|\.)pos_embed(?:\.\d+)?$", key) else "unknown"


def _sequence(tensor: StoredTensor, shape: Shape, length: Length, tree: list[Node]) -> FoundTable:
    node, rows = length.node, shape.rows
    explained = f"rows {rows} = {node.dotted(length.name)}" + (f" + {length.more}" if length.more else "")
    evidence = [f"named like a position table: {tensor.key}", explained]
    reserved, uncertain = _reserved(tensor.key, rows, length, tree, evidence)
    fields = (FieldRule(node.dotted(length.name), "rows", (length.more, 0)),)
    layout = TableLayout(length=rows - reserved, reserved=reserved)
    uncertain = uncertain or (not _CONVENTIONAL.search(tensor.key) and length.name not in families.LENGTH_FIELDS)
    found = _found(tensor, shape, node.model_type, "sequence", layout, evidence, uncertain=uncertain, fields=fields)
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
    return _found(tensor, shape, family, "grid", layout, evidence, fields=grid_fields(grid))


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
    return _found(
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
    return _found(tensor, shape, node.model_type, kind, layout, evidence, fields=fields)


def _frames(node: Node, rows: int) -> tuple[Node, int, int] | None:
    """Frames and patches of a table over both: ``rows = frames × patches``, and one more for a class token."""
    frames, tubelet, image = (node.fields.get(name) for name in families.VIDEO_FIELDS)
    size, count = pair(image), number(frames)
    if size is None or count is None or not isinstance(tubelet, list) or len(tubelet) != 3:
        return None
    if not all(number(n) for n in tubelet):
        return None
    times, patches = count // tubelet[0], (size[0] // tubelet[1]) * (size[1] // tubelet[2])
    return (node, times, patches) if times > 1 and patches > 1 and rows - times * patches in (0, 1) else None


def _video(tensor: StoredTensor, shape: Shape, node: Node, times: int, patches: int) -> FoundTable:
    prefix = shape.rows - times * patches
    evidence = [
        f"named like a position table: {tensor.key}",
        f"rows {shape.rows} = {times} frames × {patches} patches" + (f" + {prefix}" if prefix else ""),
    ]
    layout = TableLayout(length=times * patches, prefix=prefix)
    return _found(tensor, shape, node.model_type, "time", layout, evidence)


def _is_extra_token(key: str, root: str) -> bool:
    return key.startswith(root) and bool(_EXTRA_TOKENS.search(key[len(root) :]))


def _rows_of(tensor: StoredTensor) -> int:
    """How many tokens a class or register parameter is: ``[d]`` and ``[1, 1, d]`` one, ``[1, 4, d]`` four."""
    return math.prod(tensor.shape[:-1])


def _unexplained(
    tensor: StoredTensor, shape: Shape, tree: list[Node], tensors: Mapping[str, StoredTensor]
) -> FoundTable:
    """No field explains the rows: what names and the number itself can say, marked as uncertain where they cannot."""
    key, rows = tensor.key, shape.rows
    evidence = [f"named like a position table: {key}", "no configuration field explains its rows"]
    family = tree[0].model_type
    image = bool(_IMAGE.search(key)) or shape.memory == "1,rows" or key.endswith("pos_embed")
    if image:
        root = key[: max(key.rfind("pos"), 0)]
        tokens = [_rows_of(other) for key, other in tensors.items() if _is_extra_token(key, root)]
        sums = {0}
        for count in tokens:
            sums |= {count + other for other in sums}
        fits = sorted(p for p in sums if rows > p and math.isqrt(rows - p) ** 2 == rows - p)
        chosen = fits[0] if fits else None
        if chosen is not None:
            side = math.isqrt(rows - chosen)
            evidence.append(f"rows {rows} = {side} × {side} + {chosen}; tokens stored beside it: {tokens}")
            layout = TableLayout(grid=(side, side), prefix=chosen)
            return _found(tensor, shape, family, "grid", layout, evidence, uncertain=len(fits) != 1)
    reserved = 2 if rows % 64 == 2 and shape.memory == "rows" else 0
    if reserved:
        evidence.append(f"reserved 2: {rows} = {rows - 2} + 2, as in the RoBERTa and BART families")
    certain = bool(re.search(r"(?:^|\.)(?:wpe|positional_embedding|positions_embed)(?:\.weight)?$", key)) and not image
    layout = TableLayout(length=rows - reserved, reserved=reserved)
    return _found(tensor, shape, family, "sequence", layout, evidence, uncertain=not certain)
