"""How a tensor that was recognised is written down."""

from __future__ import annotations

import re
from dataclasses import dataclass

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import is_family
from posembed.find.found import FieldRule, FoundTable, Kind, Memory
from posembed.layout import TableLayout


@dataclass(frozen=True, slots=True)
class Shape:
    """A tensor's shape read as rows of one width."""

    memory: Memory
    rows: int
    width: int
    grid: tuple[int, int] | None


def verdict(
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
    """A found table, with the resize that its family does itself."""
    family = family or guessed_family(tensor.key)
    resize = next((r for kinds, r in families.RESIZES if is_family(family, kinds)), families.DEFAULT_RESIZE)
    return FoundTable(
        tensor.key,
        tensor.shape,
        tensor.dtype,
        tensor.file,
        family,
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
