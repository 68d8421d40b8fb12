"""List what limits the length of a model's input: its tables, its tokenizer, sentence-transformers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from posembed.checkpoint.source import Checkpoint
from posembed.find.distances import is_distances
from posembed.find.found import FoundTable
from posembed.find.token_limits import token_limits
from posembed.records.card import LengthLimit

_WHY = {
    "tokenizer_config.json": "the tokenizer truncates (if asked to) or warns",
    "tokenizer.json": "the tokenizer truncates silently",
}


def length_limits(checkpoint: Checkpoint, tables: Sequence[FoundTable]) -> list[LengthLimit]:
    """Return every limit on the length of a text that the checkpoint's files state, the lowest first.

    Limits in the model's own code are not seen.

    Args:
        checkpoint: the opened checkpoint.
        tables: its tables and look-alikes; only tables over tokens and tables of distances limit a text.
    """
    limits = [
        LengthLimit(table.usable_length, table.key, "the table has no row for a later position")
        for table in tables
        if table.limits_text
    ]
    limits += _distance_limits(tables)
    if checkpoint.root.is_dir():
        for found in token_limits(checkpoint.directory, checkpoint.root):
            why = _WHY.get(found.file.name, found.why)
            limits.append(LengthLimit(found.limit, f"{_name(found.file, checkpoint)}: {'.'.join(found.path)}", why))
    return sorted(limits, key=lambda each: each.limit)


def _distance_limits(tables: Sequence[FoundTable]) -> list[LengthLimit]:
    """Return the limits of relative_key's tables: 2n − 1 distances lie between n tokens. One stands for all layers."""
    limits: dict[int, LengthLimit] = {}
    for table in tables:
        if is_distances(table.key) and any(rule.unit == "distances" for rule in table.fields):
            tokens = (table.layout.rows + 1) // 2
            why = "the table of distances has no row for a longer distance"
            limits.setdefault(tokens, LengthLimit(tokens, table.key, why))
    return list(limits.values())


def _name(file: Path, checkpoint: Checkpoint) -> str:
    return str(file.relative_to(checkpoint.root)) if file.is_relative_to(checkpoint.root) else file.name
