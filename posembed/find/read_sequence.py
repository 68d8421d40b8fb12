"""Sequence tables, coordinate axes and time steps: which row the first position has."""

from __future__ import annotations

import re
from dataclasses import replace

from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import Node, is_family, number
from posembed.find.explain import Length
from posembed.find.families import weights
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.stored_layout import RowShape
from posembed.find.verdict import Reading, explained, found_table, named
from posembed.layout import TableLayout


def read_sequence(tensor: StoredTensor, shape: RowShape, length: Length, tree: list[Node]) -> FoundTable:
    """Return the sequence table whose rows a configuration field explains."""
    node, rows = length.node, shape.rows
    evidence = [named(tensor.key), explained(rows, node.dotted(length.name), length.more)]
    reserved, uncertain, why = _reserved(tensor.key, rows, length, tree)
    usual = re.search(families.CONVENTIONAL, tensor.key) or length.name in families.LENGTH_FIELDS
    reading = Reading(
        node.model_type,
        TableKind.SEQUENCE,
        TableLayout(length=rows - reserved, reserved=reserved),
        [*evidence, why],
        uncertain=uncertain or not usual,
        fields=_field_of(length),
    )
    table = found_table(tensor, shape, reading)
    for ahead in families.LOOK_AHEAD:
        if is_family(node.model_type, ahead.families) and re.search(ahead.key, tensor.key):
            sentence = f"{ahead.rows} row is for looking ahead"
            return replace(table, look_ahead=ahead.rows, evidence=(*table.evidence, sentence))
    return table


def read_counted(
    tensor: StoredTensor, shape: RowShape, length: Length | None, tree: list[Node], kind: TableKind
) -> FoundTable:
    """Return a table indexed by the value of a coordinate or a time step: every row is a position."""
    evidence = [f"named like a table of {kind.counts}: {tensor.key}"]
    if length is not None:
        evidence.append(explained(shape.rows, length.node.dotted(length.name), length.more))
    reading = Reading(
        (length.node if length is not None else tree[0]).model_type,
        kind,
        TableLayout(length=shape.rows),
        evidence,
        fields=_field_of(length) if length is not None else (),
    )
    table = found_table(tensor, shape, reading)
    if shape.grid is None or min(shape.grid) == 1:
        return table
    sides = " × ".join(map(str, shape.grid))
    return replace(table, refused=f"its rows are a grid of {sides}, which {kind.counts} alone do not number")


def _field_of(length: Length) -> tuple[FieldRule, ...]:
    return (FieldRule(length.node.dotted(length.name), "rows", (length.more, 0)),)


def _reserved(key: str, rows: int, length: Length, tree: list[Node]) -> tuple[int, bool, str]:
    """Rows before position 0, whether that is a guess, and the reason."""
    node = length.node
    types = list(dict.fromkeys((node.model_type, tree[0].model_type)))
    for offset in families.OFFSETS:
        if not re.search(offset.key, key) or not any(is_family(each, offset.families) for each in types):
            continue
        if offset.reserved == "pad":
            pad = number(node.fields.get("pad_token_id", tree[0].fields.get("pad_token_id")))
            pad = offset.default_pad if pad is None else pad
            if not 0 <= pad + 1 < rows:
                return 0, True, f"pad_token_id {pad} cannot be a row of {rows}, so where positions start stays open"
            return pad + 1, False, f"reserved {pad + 1} = pad_token_id + 1 ({offset.source})"
        if offset.reserved == weights.FAIRSEQ_RESERVED and "*" in offset.families and length.more != offset.reserved:
            continue
        return int(offset.reserved), False, f"reserved {offset.reserved}: {offset.source}"
    if length.more:
        why = f"reserved {length.more}: rows beyond the field are taken to stand before position 0"
        return length.more, length.more != weights.FAIRSEQ_RESERVED, why
    pad = number(node.fields.get("pad_token_id")) or 0
    rounded = rows > weights.ROUND_LENGTH and rows % weights.ROUND_LENGTH == pad + 1
    if 0 < pad <= weights.LARGEST_PAD and rounded:
        why = f"reserved {pad + 1}: {rows} = {rows - pad - 1} + pad_token_id + 1, as in the RoBERTa family"
        return pad + 1, "roberta" not in key, why
    return 0, False, "reserved 0: the field counts every row"
