"""What an extension changes, as plain records: the JSON document of ``posembed extend --json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from posembed.records.base import JsonObject, Record, Result
from posembed.records.check import Checked
from posembed.records.search import MethodChoice

_OPTIONAL = {"omit_none": True}


@dataclass(frozen=True)
class Shapes(Record):
    """A shape or grid, before and after."""

    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True)
class Lengths(Record):
    """A usable length, before and after."""

    before: int
    after: int


@dataclass(frozen=True)
class ChangedTable(Record):
    """One table that changes.

    Attributes:
        key: its name in the file.
        file: the file, relative to the checkpoint.
        kind: what its rows stand for.
        family: ``model_type`` of the configuration that governs it.
        shape: of the tensor.
        usable_length: the longest input in tokens.
        grid: ``(height, width)``, of an image table.
        method: the method's name, ``"auto"`` resolved.
        options: of the method.
        exact: which old rows stay unchanged, in words.
    """

    key: str
    file: str
    kind: str
    family: str
    shape: Shapes
    usable_length: Lengths
    grid: Shapes | None
    method: str
    options: Mapping[str, object]
    exact: str


@dataclass(frozen=True)
class UnchangedTable(Record):
    """A table that was meant and needs no change, with the reason."""

    key: str
    reason: str


@dataclass(frozen=True)
class ChangedBuffer(Record):
    """A saved buffer that depends on a table."""

    key: str
    what: str
    shape: Shapes


@dataclass(frozen=True)
class ChangedField(Record):
    """A field of a JSON file: ``field`` is a dotted path, ``before`` and ``after`` are JSON values."""

    file: str
    field: str
    before: object
    after: object
    why: str


@dataclass(frozen=True)
class LeftOutFile(Record):
    """A file that the copy does not contain, with the reason."""

    file: str
    reason: str


@dataclass(frozen=True)
class ExtensionRecord(Result):
    """Everything that an extension changes.

    Attributes:
        checkpoint: the path that is read.
        tables: tables that change.
        unchanged: tables that were meant and need no change.
        buffers: saved buffers that depend on a table.
        fields: fields of configuration, tokenizer and image-processor files.
        left_out: files that the copy does not contain.
        blocked: why the extension is not supported; empty where it is.
        notes: what else to know.
        length_aware: whether length-aware tables are written too; ``None`` for a mere plan.
        chosen: how the method was chosen, with ``data``.
        checked: whether the copy that was written loads; ``None`` for a dry run.
        out: the copy that was written; ``None`` for a dry run.
    """

    checkpoint: str
    tables: tuple[ChangedTable, ...]
    unchanged: tuple[UnchangedTable, ...]
    buffers: tuple[ChangedBuffer, ...]
    fields: tuple[ChangedField, ...]
    left_out: tuple[LeftOutFile, ...]
    blocked: tuple[str, ...]
    notes: tuple[str, ...]
    length_aware: bool | None = field(default=None, metadata=_OPTIONAL)
    chosen: MethodChoice | None = field(default=None, metadata=_OPTIONAL)
    checked: Checked | None = field(default=None, metadata=_OPTIONAL)
    out: str | None = None

    def to_dict(self) -> JsonObject:
        """Return the JSON document; a mere plan has no ``out``."""
        plain = super().to_dict()
        if self.length_aware is None:
            del plain["out"]
        return plain


def refused(checkpoint: str, choice: MethodChoice) -> ExtensionRecord:
    """Return the document of an extension that was not written, since the model without it serves as well.

    Args:
        checkpoint: the path that was read.
        choice: what was measured.

    Example:
        >>> refused("my-bert", MethodChoice(("no longer table is better",), "accuracy", {}, None, ())).blocked
        ('no longer table is better',)
    """
    return ExtensionRecord(
        checkpoint=checkpoint,
        tables=(),
        unchanged=(),
        buffers=(),
        fields=(),
        left_out=(),
        blocked=choice.why,
        notes=(),
        length_aware=choice.short is not None,
        chosen=choice,
    )
