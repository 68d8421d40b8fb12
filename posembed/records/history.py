"""How a checkpoint's position tables were made: the file ``posembed.json``; docs/formats/history.md describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, Self

from posembed.records.base import Record, require_schema
from posembed.records.extension import Lengths, Shapes
from posembed.records.search import MethodChoice

SCHEMA, SCHEMA_VERSION = "posembed.history", 1
CALIBRATED = "calibrate"
"""What stands in place of a method's name for rows that were trained."""


@dataclass(frozen=True)
class Hashes(Record):
    """SHA-256 of a table's bytes as they are stored, before and after."""

    before: str
    after: str


@dataclass(frozen=True)
class RecordedTable(Record):
    """One table that a step changed.

    Attributes:
        key: its name in the file.
        method: the method's name; ``"calibrate"`` for trained rows.
        options: of the method.
        shape: of the tensor.
        usable_length: the longest input in tokens.
        grid: ``(height, width)``, of an image table.
        sha256: of the rows.
    """

    key: str
    method: str
    options: Mapping[str, object]
    shape: Shapes
    usable_length: Lengths
    grid: Shapes | None
    sha256: Hashes

    def sentence(self, source: str) -> str:
        """Return what was done, in words.

        Example:
            >>> rows, lengths = Shapes((512, 8), (1024, 8)), Lengths(512, 1024)
            >>> RecordedTable("wpe", "tile", {"range": 9}, rows, lengths, None, Hashes("a", "b")).sentence("my-bert")
            'wpe: extended from 512 to 1,024 positions by tile (range=9), from my-bert'
        """
        if self.grid is not None:
            before, after = (" × ".join(map(str, size)) for size in (self.grid.before, self.grid.after))
        else:
            before, after = f"{self.usable_length.before:,}", f"{self.usable_length.after:,} positions"
        size = f"from {before} to {after}" if self.shape.before != self.shape.after else f"at {after}"
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        by = "" if self.method == CALIBRATED else f" by {self.method}" + (f" ({options})" if options else "")
        return f"{self.key}: {self._verb} {size}{by}, from {source}"

    @property
    def _verb(self) -> str:
        if self.method == CALIBRATED:
            return "calibrated"
        return "extended" if prod(self.shape.after) >= prod(self.shape.before) else "shortened"


@dataclass(frozen=True)
class HistoryStep(Record):
    """One extension or calibration.

    Attributes:
        posembed: version that wrote the copy.
        source: path of the checkpoint that was read, as it was given.
        tables: the tables that changed.
        length_aware: whether length-aware tables were written too.
        chosen: how the method was chosen, where it was: the texts, the candidates and the baselines.
    """

    posembed: str
    source: str
    tables: tuple[RecordedTable, ...]
    length_aware: bool
    chosen: MethodChoice | None = field(default=None, metadata={"omit_none": True})


@dataclass(frozen=True, kw_only=True)
class History(Record):
    """All that was done to a checkpoint, the first step first.

    Attributes:
        schema: ``"posembed.history"``.
        schema_version: rises with every change of the fields.
        steps: one per extension or calibration.
    """

    schema: str = field(default=SCHEMA)
    schema_version: int = field(default=SCHEMA_VERSION)
    steps: tuple[HistoryStep, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the history that ``posembed.json`` holds.

        Raises:
            InvalidArgumentError: for another schema, a newer version, or unknown or missing keys.
        """
        require_schema(values, SCHEMA, SCHEMA_VERSION)
        return super().from_dict(values)

    def sentences(self) -> list[str]:
        """Return a sentence for each table of each step."""
        return [table.sentence(step.source) for step in self.steps for table in step.tables]
