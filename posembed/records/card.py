"""What is known about a checkpoint's position tables: the JSON document of ``posembed inspect --json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from posembed.records.base import JsonObject, Record, Result
from posembed.records.behavior import Behavior
from posembed.records.history import HistoryStep


@dataclass(frozen=True)
class LengthLimit(Record):
    """One limit on the length of a text.

    Attributes:
        limit: in tokens.
        what: the table's key, or the file and its field.
        why: what happens to longer texts.
    """

    limit: int
    what: str
    why: str

    @property
    def of_queries(self) -> bool:
        """Whether it limits queries alone, as ``query_length`` of a multi-vector model does."""
        return self.what.rpartition(": ")[2].startswith("query_")


@dataclass(frozen=True)
class TableCard(Record):
    """One position table, or a tensor that only looks like one.

    Attributes:
        key: its name in the file.
        shape: its shape in the file.
        dtype: as safetensors writes it, ``"F32"`` for example.
        file: the file that holds it.
        family: ``model_type`` of the configuration that governs it, or what its names look like.
        kind: what its rows stand for; ``"none"`` for a look-alike.
        rows: number of rows.
        d_model: width of a row.
        reserved: rows before position 0.
        prefix: rows of extra tokens before the positions.
        suffix: rows of extra tokens after the positions.
        length: positions of a sequence; ``None`` for a grid.
        grid: ``(height, width)`` in patches; ``None`` for a sequence.
        usable_length: longest input in tokens; 0 for a look-alike without a formula.
        uncertain: whether names, shapes and configuration leave the meaning open.
        refused: why it is not a position table, or ``None``.
        evidence: why each of these is believed, one sentence each.
        fields: configuration fields that must change with the table.
        formula: of a fixed sinusoid, the formula that its rows follow; ``refused`` says why it is not a learned table.
        unused: why the model's code does not read the table, or ``None``.
        analysis: its measures (:class:`posembed.TableAnalysis`, or the few that a terminal shows), if it was measured.
        not_measured: why there are no measures.
        views: the data of the charts, where it was asked for; not part of the JSON.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    file: str
    family: str
    kind: str
    rows: int
    d_model: int
    reserved: int
    prefix: int
    suffix: int
    length: int | None
    grid: tuple[int, int] | None
    usable_length: int
    uncertain: bool
    refused: str | None
    evidence: tuple[str, ...]
    fields: tuple[str, ...]
    formula: str | None = None
    unused: str | None = None
    analysis: Any = None
    not_measured: str | None = None
    views: Any = field(default=None, repr=False, compare=False, metadata={"json": None})

    def to_dict(self) -> JsonObject:
        """Return plain values, without the data of the charts."""
        describe = getattr(self.analysis, "to_dict", lambda: self.analysis)
        return super().to_dict() | {"analysis": describe()}


@dataclass(frozen=True)
class CheckpointCard(Result):
    """All that is known of a checkpoint's position tables.

    Attributes:
        checkpoint: its path as it was given.
        limits: what limits the length of a text, the lowest first.
        tables: position tables first, look-alikes last.
        notes: what else to know, a sentence each.
        history: how the tables were made, if that is recorded, the first step first.
        behavior: what the model does when positions move, if it was run.
    """

    checkpoint: str
    limits: tuple[LengthLimit, ...]
    tables: tuple[TableCard, ...]
    notes: tuple[str, ...] = ()
    history: tuple[HistoryStep, ...] = ()
    behavior: Behavior | None = field(default=None, metadata={"omit_none": True})

    @property
    def position_tables(self) -> tuple[TableCard, ...]:
        """The tables without the look-alikes."""
        return tuple(table for table in self.tables if table.refused is None)

    @property
    def shows_limits(self) -> bool:
        """Whether reports list the limits: a checkpoint without any table over tokens has only its tokenizer's."""
        keys = {table.key for table in self.tables}
        return bool(self.limits) and (bool(self.position_tables) or any(limit.what in keys for limit in self.limits))

    @property
    def look_alikes(self) -> tuple[TableCard, ...]:
        """Tensors that are not position tables, each with the reason in ``refused``."""
        return tuple(table for table in self.tables if table.refused is not None)


@dataclass(frozen=True)
class TablesCompared(Record):
    """How two tables agree on the positions that both have.

    Attributes:
        first: key of the table of the first checkpoint.
        second: key of the table of the second.
        positions: number of positions that both have; 0 where the tables cannot be compared.
        equal_positions: number of these with equal rows.
        equal_from_start: the same, counted from position 0 without a gap.
        largest_difference: largest absolute difference of two numbers; ``None`` for tables of different width.
        row_cosine: cosine of the two rows of each position; ``None`` likewise, or where a row is zero.
        row_difference: ‖a − b‖ / ‖a‖ of each position.
        cka: linear CKA: whether both tables have the same similarity structure, 0 to 1.
        remarks: what else to know, a sentence each.
    """

    first: str
    second: str
    positions: int
    equal_positions: int
    equal_from_start: int
    largest_difference: float | None
    row_cosine: tuple[float | None, ...] | None
    row_difference: tuple[float | None, ...] | None
    cka: float | None
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Unpaired(Record):
    """Keys without a counterpart, of the first checkpoint and of the second."""

    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class PairCard(Result):
    """Two checkpoints, and how their tables agree.

    Attributes:
        first: the one named first.
        second: the other.
        pairs: the tables that were compared.
        alone: tables without a counterpart.
    """

    first: CheckpointCard
    second: CheckpointCard
    pairs: tuple[TablesCompared, ...]
    alone: Unpaired

    def tables_of(self, pair: TablesCompared) -> tuple[TableCard, TableCard]:
        """Return the two tables of one of the pairs."""
        one = next(table for table in self.first.tables if table.key == pair.first)
        return one, next(table for table in self.second.tables if table.key == pair.second)
