"""Turn what was recognized about a tensor into a found table, with the resize that its family does itself."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import Node, is_family
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.stored_layout import RowShape
from posembed.layout import TableLayout


@dataclass(frozen=True, slots=True)
class Reading:
    """What the rows of a tensor mean, and why.

    Attributes:
        family: ``model_type`` of the configuration that governs the tensor; empty if none does.
        kind: what a row stands for.
        layout: which rows are which positions.
        evidence: the reasons, one sentence each.
        uncertain: whether that is a guess.
        fields: configuration fields that must follow the table.
    """

    family: str
    kind: TableKind
    layout: TableLayout
    evidence: Iterable[str]
    uncertain: bool = False
    fields: tuple[FieldRule, ...] = ()


def found_table(tensor: StoredTensor, shape: RowShape, reading: Reading) -> FoundTable:
    """Return the table that a tensor is according to a reading of it."""
    family = reading.family or guessed_family(tensor.key)
    return FoundTable(
        tensor.key,
        tensor.shape,
        tensor.dtype,
        tensor.file,
        family,
        reading.layout,
        tuple(reading.evidence),
        uncertain=reading.uncertain,
        kind=reading.kind,
        stored=shape.stored,
        fields=reading.fields,
        resize=resize_of(family),
    )


def look_alike(
    tensor: StoredTensor,
    tree: list[Node],
    reason: str,
    family: str | None = None,
    fields: tuple[FieldRule, ...] = (),
) -> FoundTable:
    """Return a tensor that is not a position table, with the reason.

    It has a layout all the same: as many rows as there are numbers in all axes but the last.

    Args:
        tensor: its shape and place.
        tree: the configuration and its parts, outermost first.
        reason: why it is not a table.
        family: where that is known better than the root's.
        fields: configuration fields that size it all the same.
    """
    rows = math.prod(tensor.shape[:-1]) if len(tensor.shape) > 1 else sum(tensor.shape)
    family = family if family is not None else (tree[0].model_type or "unknown")
    layout = TableLayout(length=max(1, rows))
    return FoundTable(
        tensor.key,
        tensor.shape,
        tensor.dtype,
        tensor.file,
        family,
        layout,
        (reason,),
        refused=reason,
        fields=fields,
    )


def resize_of(family: str) -> tuple[str, bool, bool]:
    """Return how a family resizes its grid at run time: (mode, antialias, align_corners)."""
    for resize in families.RESIZES:
        if is_family(family, resize.families):
            return resize.mode, resize.antialias, resize.align_corners
    return families.DEFAULT_RESIZE


def guessed_family(key: str) -> str:
    """Return the library whose names a key has, for checkpoints whose configuration does not say the family."""
    if re.search(r"(?:^|\.)positional_embedding$", key):
        return "open_clip"
    return "timm" if re.search(r"(?:^|\.)pos_embed(?:\.\d+)?$", key) else "unknown"


def named(key: str) -> str:
    """Return the first sentence of the evidence for a table."""
    return f"named like a position table: {key}"


def explained(rows: int, name: str, more: int) -> str:
    """Return the sentence that a field explains a number of rows, but for ``more`` of them."""
    return f"rows {rows} = {name}" + (f" + {more}" if more else "")
