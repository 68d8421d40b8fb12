"""List what limits the length of a model's input: its tables, its tokenizer, sentence-transformers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from posembed.checkpoint.source import Checkpoint
from posembed.find.found import FoundTable
from posembed.find.token_limits import token_limits
from posembed.records.card import LengthLimit

_WHY = {
    "tokenizer_config.json": "the tokenizer truncates (if asked to) or warns",
    "tokenizer.json": "the tokenizer truncates silently",
}


def length_limits(checkpoint: Checkpoint, tables: Iterable[FoundTable]) -> list[LengthLimit]:
    """Return every limit on the length of a text that the checkpoint's files state, the lowest first.

    Limits in the model's own code are not seen.

    Args:
        checkpoint: the opened checkpoint.
        tables: its tables; only those of text sequences limit a text.
    """
    limits = [
        LengthLimit(table.usable_length, table.key, "the table has no row for a later position")
        for table in tables
        if table.is_text_sequence
    ]
    if checkpoint.root.is_dir():
        for found in token_limits(checkpoint.directory, checkpoint.root):
            why = _WHY.get(found.file.name, found.why)
            limits.append(LengthLimit(found.limit, f"{_name(found.file, checkpoint)}: {'.'.join(found.path)}", why))
    return sorted(limits, key=lambda each: each.limit)


def _name(file: Path, checkpoint: Checkpoint) -> str:
    return str(file.relative_to(checkpoint.root)) if file.is_relative_to(checkpoint.root) else file.name
