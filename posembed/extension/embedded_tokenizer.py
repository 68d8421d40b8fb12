"""Limits on tokens in a tokenizer that a GGUF file carries inside of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from posembed.checkpoint.source import Checkpoint
from posembed.extension.field_change import FieldChange, look
from posembed.extension.table_change import TableChange
from posembed.find.config import number

_TOKENIZER = ("tokenizer", "huggingface", "json")
_PLACE = ".".join(_TOKENIZER)  # one metadata value, a whole tokenizer.json
_LIMITS = (
    (("truncation", "max_length"), "the tokenizer truncates silently here"),
    (("padding", "strategy", "Fixed"), "texts are padded to it, so it must equal the truncation"),
)


def embedded_tokenizer(checkpoint: Checkpoint, changes: Sequence[TableChange]) -> Iterator[FieldChange]:
    """Yield the limits below the new length, in the file that carries both table and tokenizer."""
    text = look(checkpoint.config, _TOKENIZER)
    texts = [change for change in changes if change.table.counts_tokens]
    if not isinstance(text, str) or not texts or checkpoint.config_file not in checkpoint.others:
        return
    try:
        content = json.loads(text)
    except ValueError:  # not one that any library reads either
        return
    old, new = (
        min(lengths) for lengths in zip(*((c.table.usable_length, c.usable_length) for c in texts), strict=True)
    )
    for path, why in _LIMITS:
        limit = number(look(content, path))
        if limit is not None and (limit < new if new > old else limit > new) and checkpoint.config_file is not None:
            yield FieldChange(checkpoint.config_file, (_PLACE, *path), limit, new, why)
