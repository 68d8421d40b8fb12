"""What an extension will change, worked out before anything is written."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from posembed.checkpoint.source import Checkpoint, CheckpointPath, open_checkpoint
from posembed.checkpoint.stale_files import stale_files
from posembed.errors import InvalidArgumentError
from posembed.extension.buffers import DependentBuffer, find_buffers
from posembed.extension.config_fields import config_changes
from posembed.extension.copies import compiled_note, copies_that_stay, with_copies
from posembed.extension.dependent_fields import dependent_changes, dependent_notes
from posembed.extension.effective_range import effective_range
from posembed.extension.embedded_tokenizer import embedded_tokenizer
from posembed.extension.field_change import FieldChange
from posembed.extension.graph_constants import graph_buffers, graph_obstacles
from posembed.extension.length_aware_place import plain_module
from posembed.extension.links_out import links_out
from posembed.extension.memory_needed import beyond_memory_reasons
from posembed.extension.method_keywords import refuse_unknown_keywords
from posembed.extension.obstacles import notes, obstacles, unread
from posembed.extension.pickled_sizes import sizes_in_files
from posembed.extension.quantized import quantized_notes
from posembed.extension.repeated_sizes import left_sizes
from posembed.extension.table_change import TableChange
from posembed.extension.targets import Target, choose_targets
from posembed.find.config import nodes
from posembed.find.found import FoundTable
from posembed.find.search import find_tables
from posembed.records.base import JsonObject, takes
from posembed.records.check import Checked
from posembed.records.extend import PlanOptions, SizeOptions, with_length
from posembed.records.extension import (
    ChangedField,
    ExtensionRecord,
    LeftOutFile,
    UnchangedTable,
)
from posembed.records.search import MethodChoice
from posembed.tables.registry import find_method, resolve_method


@dataclass(frozen=True)
class ExtensionPlan:
    """Everything that an extension will change, or has changed.

    Attributes:
        checkpoint: what is read.
        tables: tables that change.
        unchanged: tables that need no change, with the reason.
        buffers: saved buffers that depend on a table.
        fields: fields of configuration, tokenizer and image-processor files, before and after.
        left_out: stale files, which will not be in the result, with the reason.
        blocked: why the extension is not supported; empty where it is.
        notes: what the user should know besides.
        choice: how the method was chosen, with ``data``.
        length_aware: whether length-aware tables are written too; ``None`` for a mere plan.
        extra_files: files to put into a directory besides, by name; they replace those of the same name.
        out: where the copy was written; ``None`` until then.
        checked: whether that copy loads; ``None`` until then.
    """

    checkpoint: Checkpoint
    tables: tuple[TableChange, ...]
    unchanged: tuple[tuple[str, str], ...] = ()
    buffers: tuple[DependentBuffer, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    left_out: tuple[tuple[Path, str], ...] = ()
    blocked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    choice: MethodChoice | None = None
    length_aware: bool | None = None
    extra_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    out: Path | None = None
    checked: Checked | None = None

    @property
    def companions(self) -> tuple[DependentBuffer, ...]:
        """Deprecated name of ``buffers``."""
        warnings.warn("ExtensionPlan.companions is now ExtensionPlan.buffers", DeprecationWarning, stacklevel=2)
        return self.buffers

    def require_supported(self) -> None:
        """Refuse a plan that is blocked.

        Raises:
            InvalidArgumentError: with every reason.
        """
        if self.blocked:
            raise InvalidArgumentError("this extension is not supported: " + "; ".join(self.blocked))

    def record(self) -> ExtensionRecord:
        """Return the plan as a record of plain values."""
        return ExtensionRecord(
            checkpoint=self.checkpoint.shown,
            tables=tuple(change.record(self.relative(change.table.file)) for change in self.tables),
            unchanged=tuple(UnchangedTable(key, reason) for key, reason in self.unchanged),
            buffers=tuple(buffer.record() for buffer in self.buffers),
            fields=tuple(ChangedField(self.relative(c.file), c.name, c.before, c.after, c.why) for c in self.fields),
            left_out=tuple(LeftOutFile(self.relative(file), reason) for file, reason in self.left_out),
            blocked=self.blocked,
            notes=self.notes,
            length_aware=self.length_aware,
            chosen=self.choice,
            checked=self.checked,
            out=None if self.out is None else str(self.out),
        )

    def to_dict(self) -> JsonObject:
        """Return what ``posembed extend --json`` prints; a mere plan has no ``length_aware`` and no ``out``."""
        return self.record().to_dict()

    def _repr_html_(self) -> str:
        return self.record()._repr_html_()

    def relative(self, file: Path) -> str:
        """Return a file's path inside the checkpoint."""
        root = self.checkpoint.root if self.checkpoint.root.is_dir() else self.checkpoint.directory
        return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


@takes(PlanOptions)
def plan_extension(
    path: CheckpointPath,
    length: int | None = None,
    options: PlanOptions | None = None,
    **keywords: Any,
) -> ExtensionPlan:
    """List every tensor, buffer, configuration and tokenizer field that an extension will change; write nothing.

    Args:
        path: a checkpoint, as in :func:`posembed.find_tables`.
        length: usable positions of every sequence table (RoBERTa to 1024 has 1026 rows).
        options: all options as one record, in place of keywords.
        **keywords: the fields of :class:`posembed.records.extend.PlanOptions`, and options of a registered method.
            ``method`` is one of :func:`posembed.extend_table`, or ``"auto"``: ``tile`` for sequences (of the trained
            rows alone, where the table shows that the others are untrained), ``linear`` for coordinates, and for grids
            what the model family does itself at run time.

    Raises:
        InvalidArgumentError: for no size or several, no table to extend, or an unknown method.
        CheckpointError: for a file that is broken, unsafe or missing.

    Example:
        >>> plan_extension("my-roberta", 1024).tables[0].shape  # doctest: +SKIP
        (1026, 768)
    """
    settled = PlanOptions.of(options, with_length(length, keywords))
    refuse_unknown_keywords(settled)
    checkpoint = open_checkpoint(path)
    found = find_tables(checkpoint, override=settled.described)
    types = [node.model_type for node in nodes(checkpoint.config)]
    targets, unchanged = choose_targets(checkpoint.root, found, settled, types)
    changes = tuple(settle(target, settled) for target in targets)
    said: list[str] = []
    if settled.method == "auto" and not settled.for_method:
        changes = tuple(_in_range(checkpoint, change, said) for change in changes)
    changes = with_copies(checkpoint, changes)
    inside = sizes_in_files(checkpoint, changes, found)
    said += [*compiled_note(checkpoint), *copies_that_stay(checkpoint, changes, found), *inside.notes]
    buffers = _buffers(checkpoint, changes, found, inside.buffers)
    whole = checkpoint.root.is_dir()
    itself = checkpoint.config_file in checkpoint.others  # a file that holds its own configuration
    fields = tuple(_fields(checkpoint, changes)) if whole or itself else ()
    sizes_found = any(change.file == checkpoint.config_file for change in fields)
    return ExtensionPlan(
        checkpoint,
        changes,
        unchanged,
        buffers,
        (*fields, *inside.fields),
        tuple(stale_files(checkpoint, [change.table.key for change in changes])) if whole else (),
        (
            *obstacles(changes, _not_following(found, buffers), checkpoint),
            *beyond_memory_reasons(checkpoint, changes, buffers),
            *graph_obstacles(checkpoint, changes, buffers),
        ),
        (
            *said,
            *unread(changes, found),
            *notes(changes, checkpoint, sizes_found=sizes_found),
            *quantized_notes(checkpoint, changes),
            *(dependent_notes(checkpoint, changes) if whole else ()),
            *(left_sizes(checkpoint, changes, found, fields) if whole else ()),
            *links_out(checkpoint.root),
        ),
    )


def _buffers(
    checkpoint: Checkpoint,
    changes: tuple[TableChange, ...],
    found: Iterable[FoundTable],
    inside: tuple[DependentBuffer, ...],
) -> tuple[DependentBuffer, ...]:
    """Return the buffers that must follow, each once: by their names, or by their values where a graph has them."""
    named = find_buffers(checkpoint.tensors, found, {c.table.key: c.layout for c in changes})
    every = (*named, *inside, *graph_buffers(checkpoint, changes))
    return tuple({buffer.key: buffer for buffer in reversed(every)}.values())[::-1]


def _in_range(checkpoint: Checkpoint, change: TableChange, said: list[str]) -> TableChange:
    """``tile`` of the trained rows alone, where the table shows which those are."""
    found = effective_range(checkpoint, change.table) if change.method == "tile" else None
    if found is None:
        return change
    end, why = found
    said.append(
        f"{change.table.key}: only the first {end} rows are repeated, the others look untrained ({why}); "
        "method='tile' repeats them all"
    )
    return replace(change, options={"range": end})


def _not_following(found: Iterable[FoundTable], buffers: Iterable[DependentBuffer]) -> list[FoundTable]:
    """Return the tables and look-alikes without those that a rule for buffers changes."""
    following = {buffer.key for buffer in buffers}
    return [table for table in found if table.key not in following]


def settle(target: Target, options: SizeOptions) -> TableChange:
    """Return the change of one table, its method resolved.

    A fixed sinusoid is computed, unless the caller names it and chooses another method for it.
    """
    table, method, settings = target.table, str(options.method), options.for_method
    if table.frozen is not None and not _chosen_for(table, options):
        method, settings = "sinusoid", {}
    resolved = resolve_method(table.kind.method_for(method), table.layout, table.resize, **settings)
    exact = find_method(resolved.name, table.layout).exact
    return TableChange(table, target.layout, resolved.name, resolved.options, exact, pixels=target.pixels)


def _chosen_for(table: FoundTable, options: SizeOptions) -> bool:
    """Return whether the caller chose a method for a fixed sinusoid; ``crop`` takes the same rows as the formula."""
    named = options.tables is not None and table.key in options.tables
    return options.method == "crop" or (named and options.method not in ("auto", type(options).method))


def _fields(checkpoint: Checkpoint, changes: tuple[TableChange, ...]) -> Iterable[FieldChange]:
    """Return every field that changes, once; if two tables change one field, the first decides."""
    found: dict[tuple[Path, tuple[str | int, ...]], FieldChange] = {}
    for new in _all_fields(checkpoint, changes):
        found.setdefault((new.file, new.path), new)
    return found.values()


def _all_fields(checkpoint: Checkpoint, changes: tuple[TableChange, ...]) -> Iterator[FieldChange]:
    if checkpoint.config_file is not None:
        for change in changes:
            yield from config_changes(
                checkpoint.config_file, checkpoint.config, change.table, change.layout, change.pixels
            )
    yield from embedded_tokenizer(checkpoint, changes)
    if checkpoint.root.is_dir():
        yield from dependent_changes(checkpoint, changes)
        yield from plain_module(checkpoint.root)
