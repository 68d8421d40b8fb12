"""What an extension will change, worked out before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from posembed.checkpoint.source import Checkpoint, CheckpointPath, open_checkpoint
from posembed.checkpoint.stale_files import stale_files
from posembed.checkpoint.tensors import Array
from posembed.extension.buffers import Companion, find_companions
from posembed.extension.config_fields import FieldChange, config_changes, image_changes, token_changes
from posembed.extension.effective_range import effective_range
from posembed.extension.targets import Target, choose_targets
from posembed.find import families
from posembed.find.config import Node, is_family, nodes, number, pair
from posembed.find.found import FoundTable
from posembed.find.search import find_tables
from posembed.layout import TableLayout
from posembed.records.override import Override
from posembed.tables.registry import find_method, resolve_method


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table, before and after.

    Attributes:
        table: as it was found.
        layout: what its rows will mean.
        method: the method's name, ``"auto"`` resolved.
        options: of the method.
        exact: which old rows stay exact, in words.
        given: the rows themselves where no method makes them, ``[rows, d_model]``.
        kept: of given rows: how many of the first positions' rows are promised to be the old ones, bit for bit.
    """

    table: FoundTable
    layout: TableLayout
    method: str
    options: dict[str, Any]
    exact: str
    given: Array | None = field(default=None, repr=False, compare=False)
    kept: int = 0

    @property
    def usable_length(self) -> int:
        """The longest input in tokens, afterwards."""
        return self.layout.usable_length - self.table.look_ahead

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's new shape."""
        return self.table.shape_for(self.layout)


@dataclass(frozen=True)
class ExtensionPlan:
    """Everything that an extension will change.

    Attributes:
        checkpoint: what will be read.
        tables: tables that change.
        unchanged: tables that stay, with the reason.
        companions: buffers that follow a table.
        fields: fields of configuration, tokenizer and processor files, before and after.
        left_out: files that will not be in the result, with the reason.
        blocked: why the extension cannot be done; empty where it can.
        notes: what the user should know besides.
    """

    checkpoint: Checkpoint
    tables: tuple[TableChange, ...]
    unchanged: tuple[tuple[str, str], ...] = ()
    companions: tuple[Companion, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    left_out: tuple[tuple[Path, str], ...] = ()
    blocked: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """What ``posembed extend --dry-run --json`` prints."""
        root = self.checkpoint.root
        return {
            "checkpoint": str(root),
            "tables": [
                {
                    "key": change.table.key,
                    "file": self.relative(change.table.file),
                    "kind": change.table.kind,
                    "family": change.table.family,
                    "shape": {"before": list(change.table.shape), "after": list(change.shape)},
                    "usable_length": {
                        "before": change.table.usable_length,
                        "after": change.usable_length,
                    },
                    "grid": None
                    if change.layout.grid is None or change.table.layout.grid is None
                    else {"before": list(change.table.layout.grid), "after": list(change.layout.grid)},
                    "method": change.method,
                    "options": change.options,
                    "exact": change.exact,
                }
                for change in self.tables
            ],
            "unchanged": [{"key": key, "reason": reason} for key, reason in self.unchanged],
            "buffers": [
                {"key": c.key, "what": c.what, "shape": {"before": list(c.shape), "after": list(c.new_shape)}}
                for c in self.companions
            ],
            "fields": [
                {"file": self.relative(c.file), "field": c.name, "before": c.before, "after": c.after, "why": c.why}
                for c in self.fields
            ],
            "left_out": [{"file": self.relative(file), "reason": reason} for file, reason in self.left_out],
            "blocked": list(self.blocked),
            "notes": list(self.notes),
        }

    def relative(self, file: Path) -> str:
        """A file's path inside the checkpoint."""
        root = self.checkpoint.root if self.checkpoint.root.is_dir() else self.checkpoint.directory
        return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)


def plan_extension(
    path: CheckpointPath,
    length: int | None = None,
    *,
    grid: tuple[int, int] | None = None,
    image_size: int | tuple[int, int] | None = None,
    method: str = "auto",
    tables: Iterable[str] | None = None,
    override: Override | None = None,
    **options: Any,
) -> ExtensionPlan:
    """List every tensor, buffer, configuration and tokenizer field that an extension will change. Nothing is written.

    Args:
        path: a checkpoint, as in :func:`posembed.find_tables`.
        length: usable positions of every sequence table (RoBERTa to 1024 has 1026 rows).
        grid: ``(height, width)`` in patches, for image tables.
        image_size: the same in pixels.
        method: a method of :func:`posembed.extend_table`, or ``"auto"``: ``tile`` for sequences (of the trained rows
            alone, where the table shows that others were not), ``linear`` for coordinates, what the family does itself
            at run time for grids.
        tables: keys, to limit the change to some tables.
        override: what the user says of one table in place of what was found out.
        **options: of the method.

    Raises:
        InvalidArgumentError: if the call cannot be right: no size or several, no table to extend, an unknown method.
        CheckpointError: for a file that is broken, unsafe or missing.
    """
    checkpoint = open_checkpoint(path)
    found = find_tables(checkpoint, override=override)
    targets, unchanged = choose_targets(checkpoint.root, found, length, grid, image_size, tables, method)
    changes = tuple(settle(target, method, options) for target in targets)
    said: list[str] = []
    if method == "auto" and not options:
        changes = tuple(_in_range(checkpoint, change, said) for change in changes)
    tree = nodes(checkpoint.config)
    whole = checkpoint.root.is_dir()
    plan = ExtensionPlan(
        checkpoint,
        changes,
        unchanged,
        tuple(find_companions(checkpoint.tensors, found, {c.table.key: c.layout for c in changes})),
        tuple(_fields(checkpoint, changes)) if whole else (),
        tuple(stale_files(checkpoint)) if whole else (),
        tuple(_blocked(changes, found, tree, checkpoint)),
    )
    return replace(plan, notes=(*said, *_notes(plan, whole)))


def _in_range(checkpoint: Checkpoint, change: TableChange, said: list[str]) -> TableChange:
    """``tile`` of the trained rows alone, where the table shows which those are."""
    found = effective_range(checkpoint, change.table) if change.method == "tile" else None
    if found is None:
        return change
    end, why = found
    said.append(
        f"{change.table.key}: only the first {end} rows are repeated, the others look untrained ({why}); "
        "--method tile repeats them all"
    )
    return replace(change, options={"range": end})


def settle(target: Target, method: str, options: dict[str, Any]) -> TableChange:
    """The change of one table, its method resolved."""
    table = target.table
    resolved = resolve_method(table.kind.method_for(method), table.layout, table.resize, **options)
    exact = find_method(resolved.name, table.layout).exact
    return TableChange(table, target.layout, resolved.name, resolved.options, exact)


def _fields(checkpoint: Checkpoint, changes: tuple[TableChange, ...]) -> Iterable[FieldChange]:
    found: dict[tuple[Path, tuple[str | int, ...]], FieldChange] = {}

    def add(news: Iterable[FieldChange]) -> None:
        for new in news:
            found.setdefault((new.file, new.path), new)

    for change in changes:
        if checkpoint.config_file is not None:
            add(config_changes(checkpoint.config_file, checkpoint.config, change.table, change.layout))
        pixels = next((rule for rule in change.table.fields if rule.unit == "pixels"), None)
        if pixels is not None and change.layout.grid is not None:
            old = pair(_value(checkpoint.config, pixels.name))
            height, width = (n * m for n, m in zip(change.layout.grid, pixels.amount, strict=True))
            if old is not None:
                add(image_changes(checkpoint.directory, old, (height, width), change.table.layout, change.layout))
    texts = [change for change in changes if change.table.is_text_sequence]
    if texts:
        old_length = min(change.table.usable_length for change in texts)
        new_length = min(change.usable_length for change in texts)
        rule = next((rule for rule in texts[0].table.fields if rule.unit == "rows"), None)
        old_field = number(_value(checkpoint.config, rule.name)) if rule is not None else None
        add(token_changes(checkpoint.directory, checkpoint.root, old_length, new_length, old_field))
    return found.values()


def _value(config: Mapping[str, object], dotted: str) -> Any:
    value: Any = config
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _blocked(
    changes: tuple[TableChange, ...], found: list[FoundTable], tree: list[Node], checkpoint: Checkpoint
) -> Iterable[str]:
    changing = {change.table.key: change for change in changes}
    shared: dict[str, list[str]] = {}
    for table in found:
        for rule in table.fields:
            if table.refused is None:
                shared.setdefault(rule.name, []).append(table.key)
    for change in changes:
        table = change.table
        if table.uncertain:
            yield (
                f"what the rows of {table.key} mean is uncertain ({'; '.join(table.evidence)}): say it with "
                f"--table {table.key} and --reserved N, --prefix N or --table-grid HxW of the table as it is"
            )
        for rule in table.fields:
            fixed = [key for key in shared.get(rule.name, []) if key not in changing]
            if fixed:
                yield f"{rule.name} sizes {table.key} and {', '.join(fixed)} alike: they can only change together"
        oblong = change.layout.grid is not None and change.layout.grid[0] != change.layout.grid[1]
        if oblong and not is_family(table.family, families.OBLONG):
            yield from _one_number(change, checkpoint.config)
        kinds = {table.family, tree[0].model_type}
        for limit in families.LIMITS:
            if any(is_family(kind, limit.families) for kind in kinds) and re.search(limit.key, table.key):
                yield from _limit(limit, change, tree)


def _one_number(change: TableChange, config: Mapping[str, object]) -> Iterable[str]:
    """Fields that hold one number for both sides, in families whose code needs one."""
    for rule in change.table.fields:
        if number(_value(config, rule.name)) is not None and rule.unit in ("pixels", "side", "count"):
            height, width = change.layout.grid or (0, 0)
            if len(change.table.fields) == 1:
                yield (
                    f"{change.table.key}: {rule.name} is one number, and the code of {change.table.family} takes no "
                    f"other: a grid of {height} × {width} cannot be written into it"
                )


def _limit(limit: families.Limit, change: TableChange, tree: list[Node]) -> Iterable[str]:
    if not limit.multiple_of:
        yield f"{change.table.key}: {limit.reason}"
        return
    step = limit.multiple_of if isinstance(limit.multiple_of, int) else _largest(tree, limit.multiple_of)
    step = limit.power**step if limit.power and step else step
    sizes = change.layout.grid or (change.usable_length,)
    if step and any(size % step for size in sizes):
        yield f"{change.table.key}: {limit.reason} of {step}, and {' × '.join(map(str, sizes))} is not"


def _largest(tree: list[Node], name: str) -> int:
    """The largest value of a field, which may be a list with a number for each layer."""
    values = [node.fields.get(name) for node in tree]
    each = [number(size) for value in values for size in (value if isinstance(value, list) else [value])]
    return max((size for size in each if size is not None), default=0)


def _notes(plan: ExtensionPlan, whole: bool) -> Iterable[str]:
    directory = plan.checkpoint.directory
    named: Callable[[str], bool] = lambda name: (directory / name).is_file()  # noqa: E731
    if not whole and (named("config.json") or plan.checkpoint.index is not None):
        yield "only the one file is written: to change configuration and tokenizer too, name the directory"
    if whole and plan.tables and not any(c.file == plan.checkpoint.config_file for c in plan.fields):
        yield "no configuration field was found that sizes these tables: set it yourself, or loading will fail"
    for change in plan.tables:
        if change.layout.grid is not None and change.layout.grid[0] != change.layout.grid[1]:
            yield f"{change.table.key}: the grid is not square; the model's code must take an image size of two numbers"
