"""Limits on the tokens of a text that must change with its table: tokenizers, sentence-transformers, generation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from posembed.checkpoint.json_object import read_json
from posembed.extension.field_change import FieldChange, look
from posembed.find.config import number
from posembed.find.families import companions
from posembed.find.token_limits import existing, token_limits

_FIXED = ("padding", "strategy", "Fixed")


@dataclass(frozen=True, slots=True)
class TextLengths:
    """The usable length of a checkpoint's texts, before and after, and the old value of the field that sizes it."""

    old: int
    new: int
    old_field: int | None = None

    def cuts(self, limit: int) -> bool:
        """Return whether a limit is on the wrong side of the new length."""
        return limit < self.new if self.new > self.old else limit > self.new


def token_changes(directory: Path, root: Path, lengths: TextLengths) -> Iterator[FieldChange]:
    """Yield the limits on tokens in the files of tokenizer, sentence-transformers and generation that must change.

    Args:
        directory: the Transformers directory.
        root: the checkpoint's root, for sentence-transformers.
        lengths: the usable length, before and after.
    """
    limits = list(token_limits(directory, root))
    for found in limits:
        if lengths.cuts(found.limit) and not (found.queries and lengths.new > lengths.old):
            yield FieldChange(found.file, found.path, found.limit, lengths.new, found.why)
    for file in existing(directory / "tokenizer.json"):
        repeated = {lengths.old, lengths.old_field, *(found.limit for found in limits)}
        yield from _padding(file, lengths, repeated)
    for name in companions.GENERATION_FILES:
        for file in existing(directory / name):
            limit = number(read_json(file).get("max_length"))
            if limit is not None and limit in (lengths.old, lengths.old_field):
                yield FieldChange(file, ("max_length",), limit, lengths.new, "generation stopped at the old length")


def _padding(file: Path, lengths: TextLengths, repeated: set[int | None]) -> Iterator[FieldChange]:
    """Yield the fixed length to which a tokenizer pads, if it repeats a limit that changes.

    Beside a longer truncation it would make batches of texts of unequal length.
    """
    fixed = number(look(read_json(file), _FIXED))
    if fixed is not None and lengths.cuts(fixed) and (fixed in repeated or fixed > lengths.new):
        yield FieldChange(file, _FIXED, fixed, lengths.new, "texts are padded to it, so it must equal the truncation")
