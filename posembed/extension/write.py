"""Write an extended copy of a checkpoint: streamed, crash-safe, verified. The source is never touched."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from posembed.checkpoint.copying import copy_file, link_file
from posembed.checkpoint.formats.pickle import rewrite_pickle
from posembed.checkpoint.formats.safetensors.edit import read_header, write_rewritten
from posembed.checkpoint.source import Checkpoint, read_json
from posembed.checkpoint.staging import staged_directory, staged_file
from posembed.checkpoint.stale_files import walk
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.extension.buffers import lengthen
from posembed.extension.config_fields import FieldChange, apply_changes
from posembed.extension.plan import ExtensionPlan, TableChange, plan_extension
from posembed.extension.verify import verify_file
from posembed.find.config import number
from posembed.records.override import Override
from posembed.tables.extend import extend_table

Progress = Callable[[int, int], None]


def extend_checkpoint(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    length: int | None = None,
    *,
    grid: tuple[int, int] | None = None,
    image_size: int | tuple[int, int] | None = None,
    method: str = "auto",
    tables: Iterable[str] | None = None,
    override: Override | None = None,
    force: bool = False,
    link: bool = False,
    verify: Literal["sampled", "full"] = "sampled",
    progress: Progress | None = None,
    **options: Any,
) -> ExtensionPlan:
    """Write a copy of a checkpoint whose position tables are longer; only the tables are held in memory.

    Everything is written under a hidden name beside ``out``, checked, flushed to the disk, then renamed: ``out`` is
    absent or whole at any moment.

    Args:
        path: a checkpoint, as in :func:`posembed.find_tables`. A directory gives a directory, a file a file.
        out: where the copy goes; it must not exist.
        length: usable positions of every sequence table.
        grid: ``(height, width)`` in patches, for image tables.
        image_size: the same in pixels.
        method: as in :func:`posembed.plan_extension`.
        tables: keys, to limit the change to some tables.
        override: what the user says of one table in place of what was found out.
        force: replace an existing ``out``.
        link: hard-link the files that do not change, instead of copying them.
        verify: compare samples of the copied bytes afterwards, or (``"full"``) all of them.
        progress: called with bytes written and bytes in all.
        **options: of the method.

    Returns:
        The plan that was carried out.

    Raises:
        InvalidArgumentError: for a call that cannot be right, or that the plan says cannot be done.
        CheckpointError: for a source that is broken or unsafe; nothing is written.
        WorkFailedError: if writing fails (a full disk, for one); nothing is left behind.
    """
    if verify not in ("sampled", "full"):
        raise InvalidArgumentError(f"verify={verify!r} must be 'sampled' or 'full'")
    plan = plan_extension(
        path, length, grid=grid, image_size=image_size, method=method, tables=tables, override=override, **options
    )
    carry_out(plan, Path(out), force=force, link=link, full=verify == "full", progress=progress)
    return plan


def refuse_blocked(plan: ExtensionPlan) -> None:
    """Refuse a plan that cannot be done.

    Raises:
        InvalidArgumentError: with every reason.
    """
    if plan.blocked:
        raise InvalidArgumentError("this cannot be done: " + "; ".join(plan.blocked))


def require_possible(plan: ExtensionPlan) -> None:
    """Refuse what :func:`carry_out` would refuse: every new value is made, and none written.

    Raises:
        InvalidArgumentError: for a plan that cannot be done.
        CheckpointError: for values of the checkpoint that stand in its way.
        WorkFailedError: for rows that do not fit the stored dtype.
    """
    refuse_blocked(plan)
    _new_values(plan)


def carry_out(
    plan: ExtensionPlan,
    out: Path,
    *,
    force: bool = False,
    link: bool = False,
    full: bool = False,
    progress: Progress | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> None:
    """Do what a plan says; the arguments are those of :func:`extend_checkpoint`.

    ``extra``: files to put into a directory besides, by name; one of the same name in the source is not copied.
    """
    refuse_blocked(plan)
    checkpoint = plan.checkpoint
    new_values = _new_values(plan)
    if not checkpoint.root.is_dir():
        if checkpoint.index is not None:
            raise InvalidArgumentError(f"{checkpoint.root}: name the directory of a sharded checkpoint, not its index")
        tick = _counter(checkpoint.root.stat().st_size, progress)
        with staged_file(out, source=checkpoint.root, force=force, needed=checkpoint.root.stat().st_size) as partial:
            _rewrite(checkpoint, checkpoint.root, partial, new_values, plan, full, tick)
        return
    left_out = {file for file, _ in plan.left_out}
    more = dict(extra or {})
    own = {checkpoint.root / name for name in more}
    files = [file for file in walk(checkpoint.root) if file not in left_out and file not in own]
    changed = {checkpoint.tensors[key].file for key in new_values}
    edits: dict[Path, list[FieldChange]] = {}
    for change in plan.fields:
        edits.setdefault(change.file, []).append(change)
    copied = [file for file in files if not (link and file not in changed and file not in edits)]
    needed = sum(file.stat().st_size for file in copied) + sum(values.nbytes for values in new_values.values())
    tick = _counter(needed, progress)
    with staged_directory(out, source=checkpoint.root, force=force, needed=needed) as partial:
        for file in files:
            target = partial / file.relative_to(checkpoint.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if file in changed:
                _rewrite(checkpoint, file, target, new_values, plan, full, tick)
            elif file in edits:
                _write_json(target, apply_changes(read_json(file), edits[file]), file)
            elif file == checkpoint.index:
                _write_json(target, _index(file, plan, new_values), file)
            elif link:
                link_file(file, target)
            else:
                copy_file(file, target, tick)
        for name, content in more.items():
            (partial / name).write_bytes(content)


def _counter(total: int, progress: Progress | None) -> Callable[[int], None]:
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(min(done, total), total)

    return tick


def _new_values(plan: ExtensionPlan) -> dict[str, Array]:
    """The new tables and buffers, all that is held in memory."""
    checkpoint = plan.checkpoint
    values = {change.table.key: new_rows(checkpoint, change) for change in plan.tables}
    for companion in plan.companions:
        file = checkpoint.tensors[companion.key].file
        values[companion.key] = lengthen(companion, checkpoint.read(companion.key), file)
    return values


def new_rows(checkpoint: Checkpoint, change: TableChange) -> Array:
    """A table as it will be written, in the stored dtype and shape.

    Raises:
        InvalidArgumentError: if the method cannot do it.
        CheckpointError: for rows that are not finite.
    """
    table, layout = change.table, change.layout
    if change.given is not None:
        return change.given
    old = table.stored.split(checkpoint.read(table.key))
    size: dict[str, Any] = {"grid": layout.grid} if layout.grid is not None else {"length": layout.usable_length}
    try:
        new = [extend_table(rows, method=change.method, layout=table.layout, **size, **change.options) for rows in old]
    except InvalidArgumentError as error:
        if not all(np.isfinite(rows.astype(np.float32)).all() for rows in old):
            raise CheckpointError(f"{table.file}: {table.key}: {error}") from error
        raise InvalidArgumentError(f"{table.key}: {error}") from error
    return table.stored.join(new, change.shape)


def _rewrite(
    checkpoint: Checkpoint,
    file: Path,
    target: Path,
    new_values: Mapping[str, Array],
    plan: ExtensionPlan,
    full: bool,
    tick: Callable[[int], None],
) -> None:
    """One weight file with some tensors replaced, then read back and checked."""
    here = {key: values for key, values in new_values.items() if checkpoint.tensors[key].file == file}
    if file in checkpoint.headers:
        write_rewritten(checkpoint.headers[file], target, here, progress=tick)
        verify_file(checkpoint.headers[file], read_header(target), here, plan.tables, full=full)
    else:
        rewrite_pickle(file, target, here)
        tick(file.stat().st_size)


def _index(index: Path, plan: ExtensionPlan, new_values: Mapping[str, Array]) -> dict[str, Any]:
    content = read_json(index)
    metadata = content.get("metadata")
    if isinstance(metadata, dict):
        parameters = {change.table.key for change in plan.tables}
        for name, size, keys in (("total_size", "nbytes", new_values.keys()), ("total_parameters", "size", parameters)):
            if number(metadata.get(name)) is not None:
                for key in keys:
                    metadata[name] += getattr(new_values[key], size) - getattr(plan.checkpoint.read(key), size)
    return content


def _write_json(target: Path, content: Any, like: Path) -> None:
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False)
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and UTF-8 cannot hold
        encoded = json.dumps(content, indent=2).encode("ascii")
    except RecursionError as error:
        raise CheckpointError(f"{like}: is nested too deeply to be written again: mend the file") from error
    target.write_bytes(encoded + b"\n")
    target.chmod(like.stat().st_mode & 0o7777)
