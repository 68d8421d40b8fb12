"""Write an extended copy of a checkpoint: streamed, crash-safe, verified. The source is never touched."""

from __future__ import annotations

import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posembed.checkpoint.copying import copy_file, created, link_file, write_all
from posembed.checkpoint.formats.pickle.rewrite import rewrite_pickle
from posembed.checkpoint.formats.safetensors.edit import read_header, write_rewritten
from posembed.checkpoint.json_object import json_text, read_json, read_json_value
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.staging import staged_directory, staged_file
from posembed.checkpoint.stale_files import is_bookkeeping
from posembed.checkpoint.tensors import Array
from posembed.checkpoint.tree import Tree, changed_meanwhile, facts_of, read_tree
from posembed.errors import CheckpointError, InvalidArgumentError, ModelCheckError
from posembed.extension.check.session import Check, NoCheck
from posembed.extension.field_change import FieldChange, apply_changes
from posembed.extension.new_history import new_history
from posembed.extension.plan import ExtensionPlan
from posembed.extension.table_change import TableChange
from posembed.extension.verify import verify_file, verify_kept_rows
from posembed.find.config import number
from posembed.find.history import HISTORY
from posembed.observer import SILENT, Observer, Progress
from posembed.records.check import Checked


def check_plan(plan: ExtensionPlan) -> None:
    """Refuse what :func:`write_extension` would refuse: compute every new value, and write nothing.

    Raises:
        InvalidArgumentError: for a plan that is not supported.
        CheckpointError: for values of the checkpoint that cannot be extended.
        WorkFailedError: for rows that do not fit the stored dtype.
    """
    plan.require_supported()
    new_values(plan)


def write_extension(
    plan: ExtensionPlan,
    out: Path,
    *,
    force: bool = False,
    link: bool = False,
    full: bool = False,
    check: Check | None = None,
    observer: Observer = SILENT,
) -> Checked:
    """Write what a plan describes, compare the copied bytes, and put the copy in place if it loads.

    Args:
        plan: its ``extra_files`` go into a directory besides.
        out: where the copy goes.
        force: replace an existing ``out``.
        link: hard-link unchanged files instead of copying them.
        full: compare every copied byte afterwards, not samples.
        check: tells whether the complete copy loads; by default that is not checked.
        observer: receives the bytes written, as progress named ``"writing"``.

    Returns:
        What the check found.

    Raises:
        InvalidArgumentError: for a plan that is not supported, or a target that must not be written.
        CheckpointError: for a source that is broken; nothing is written.
        WorkFailedError: if writing fails (a full disk, for one); the message says what is left.
        ModelCheckError: if the copy does not load although the source does; nothing is left behind.
    """
    plan.require_supported()
    check = check or NoCheck()
    checkpoint = plan.checkpoint
    values = new_values(plan)
    if not checkpoint.root.is_dir():
        if checkpoint.index is not None:
            raise InvalidArgumentError(f"{checkpoint.root}: name the directory of a sharded checkpoint, not its index")
        facts = facts_of(checkpoint.root)
        size = checkpoint.root.stat().st_size
        rewriter = _Rewriter(plan, values, full, _Counter(size, observer))
        with staged_file(out, source=checkpoint.root, force=force, needed=size) as partial:
            rewriter.rewrite(checkpoint.root, partial)
            if facts_of(checkpoint.root) != facts:
                raise CheckpointError(changed_meanwhile(checkpoint.root))
            return _require_sound(check.verdict(partial))
    left_out = {file for file, _ in plan.left_out}
    extra = {**plan.extra_files, HISTORY: new_history(plan, values)}
    own = {checkpoint.root / name for name in extra}
    tree = read_tree(checkpoint.root)
    files = [file for file in tree.files if file not in left_out and file not in own]
    changed = {checkpoint.tensors[key].file for key in values}
    edits: dict[Path, list[FieldChange]] = {}
    for change in plan.fields:
        edits.setdefault(change.file, []).append(change)
    # What lies outside of the checkpoint is somebody else's: a hard link would let a later edit here change it there.
    outside = {file for file, _ in tree.links_out()}
    linked = {file for file in files if link and not (file in changed or file in edits or file in outside)}
    needed = sum(file.stat().st_size for file in files if file not in linked)
    needed += sum(each.nbytes for each in values.values()) + sum(map(len, extra.values()))
    counter = _Counter(needed, observer)
    rewriter = _Rewriter(plan, values, full, counter)
    with staged_directory(out, source=checkpoint.root, force=force, needed=needed) as partial:
        folders = _folders_of_copy(tree, files, left_out)
        for folder in folders:
            (partial / folder.relative_to(checkpoint.root)).mkdir(mode=stat.S_IRWXU)
        for file in files:
            target = partial / file.relative_to(checkpoint.root)
            if file in changed:
                rewriter.rewrite(file, target)
            elif file in edits:
                _write_json(target, apply_changes(read_json_value(file), edits[file]), file)
            elif file == checkpoint.index:
                _write_json(target, _new_index(file, plan, values), file)
            elif file in linked:
                link_file(file, target)
            else:
                copy_file(file, target, counter.add)
        for name, content in extra.items():
            _write_like(partial / name, content, checkpoint.files[0])
        for folder in reversed(folders):  # the inner ones first: a folder may be one that must not be written
            (partial / folder.relative_to(checkpoint.root)).chmod(stat.S_IMODE(folder.stat().st_mode))
        tree.require_unchanged()
        return _require_sound(check.verdict(partial))


def _folders_of_copy(tree: Tree, files: Collection[Path], left_out: Collection[Path]) -> list[Path]:
    """Return the folders to create: all but those of which every file is left out, empty ones among them."""
    kept = {folder for file in files for folder in file.parents}
    gone = {folder for file in left_out for folder in file.parents}
    gone |= {folder for folder in tree.folders if is_bookkeeping(folder.relative_to(tree.root))}
    return [folder for folder in tree.folders if folder in kept or folder not in gone]


def _require_sound(checked: Checked) -> Checked:
    if checked.failed:
        raise ModelCheckError(
            f"{checked.sentence}. The source does; turn `check` off to write such a copy all the same", checked
        )
    return checked


def new_values(plan: ExtensionPlan) -> dict[str, Array]:
    """Return the new tables and buffers by key: all that is held in memory."""
    checkpoint = plan.checkpoint
    values = {change.table.key: new_rows(checkpoint, change) for change in plan.tables}
    for key in values:
        if (other := checkpoint.others.get(checkpoint.tensors[key].file)) is not None:
            values[key] = other.as_stored(key, values[key])
    for buffer in plan.buffers:
        values[buffer.key] = buffer.extend(checkpoint.read(buffer.key), checkpoint.tensors[buffer.key].file)
    return values


def new_rows(checkpoint: Checkpoint, change: TableChange) -> Array:
    """Return a table as it will be written, in the stored dtype and shape.

    Raises:
        InvalidArgumentError: if the method does not support this change.
        CheckpointError: for rows that are not finite.
    """
    if change.given is not None:
        return change.given
    old = checkpoint.read(change.table.key)
    try:
        return change.apply(old)
    except InvalidArgumentError as error:
        if not np.isfinite(old.astype(np.float32)).all():
            raise CheckpointError(f"{change.table.file}: {error}") from error
        raise


class _Counter:
    """Counts bytes, and tells the observer."""

    def __init__(self, total: int, observer: Observer) -> None:
        self.total, self.observer, self.done = total, observer, 0

    def add(self, count: int) -> None:
        """Count more bytes."""
        self.done += count
        self.observer.progress(Progress("writing", min(self.done, self.total), self.total, "bytes"))


@dataclass(frozen=True)
class _Rewriter:
    """Writes weight files with some tensors replaced, and checks them."""

    plan: ExtensionPlan
    values: Mapping[str, Array]
    full: bool
    counter: _Counter

    def rewrite(self, file: Path, target: Path) -> None:
        """Write one weight file, read it back, and check it."""
        checkpoint = self.plan.checkpoint
        here = {key: values for key, values in self.values.items() if checkpoint.tensors[key].file == file}
        if file in checkpoint.headers:
            old = checkpoint.headers[file]
            write_rewritten(old, target, here, progress=self.counter.add)
            verify_file(old, read_header(target), here, self.plan.tables, full=self.full)
        elif file in checkpoint.others:
            # Written by readers that are imported for their own formats alone.
            from posembed.checkpoint.formats.rewriting import rewrite_weight_file

            edits = {c.path: c.after for c in self.plan.fields if c.file == file}
            old_file = checkpoint.others[file]
            new_file = rewrite_weight_file(old_file, target, here, edits, self.counter.add, full=self.full)
            verify_kept_rows(old_file, new_file, here, self.plan.tables)
        else:
            settings = {tuple(map(str, c.path)): c.after for c in self.plan.fields if c.file == file}
            rewrite_pickle(checkpoint.pickles[file], target, here, settings, self.counter.add, full=self.full)


def _new_index(index: Path, plan: ExtensionPlan, values: Mapping[str, Array]) -> Mapping[str, object]:
    """Return the index of a sharded checkpoint with its totals corrected."""
    content = read_json(index)
    metadata = content.get("metadata")
    if isinstance(metadata, dict):
        parameters = {change.table.key for change in plan.tables}
        for name, size, keys in (("total_size", "nbytes", values.keys()), ("total_parameters", "size", parameters)):
            if number(metadata.get(name)) is not None:
                for key in keys:
                    metadata[name] += getattr(values[key], size) - getattr(plan.checkpoint.read(key), size)
    return content


def _write_json(target: Path, content: object, like: Path) -> None:
    try:
        text = json_text(content)
        # Half a surrogate pair, which JSON can escape and UTF-8 cannot hold, is escaped as JSON has it: \udc80.
        encoded = text.encode("utf-8", "backslashreplace")
    except RecursionError as error:
        raise CheckpointError(f"{like}: is nested too deeply to be written again: repair the file") from error
    _write_like(target, encoded + b"\n", like)


def _write_like(target: Path, content: bytes, like: Path) -> None:
    """Write a file that those may read who may read ``like``."""
    with created(target, like.stat().st_mode) as descriptor:
        write_all(descriptor, memoryview(content))
