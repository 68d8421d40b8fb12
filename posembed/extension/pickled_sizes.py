"""Numbers inside a PyTorch file that repeat a table's size: settings beside the weights, and tensors of one number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from posembed.checkpoint.formats.pickle.index import Setting
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.extension.buffer_rules import BufferRule
from posembed.extension.buffers import DependentBuffer
from posembed.extension.field_change import FieldChange
from posembed.extension.table_change import TableChange
from posembed.find import families
from posembed.find.found import FoundTable
from posembed.layout import TableLayout

LARGEST_PATCH = families.weights.LARGEST_PATCH
MOST_NAMED = 8  # settings of unknown meaning that a plan names one by one
_NUMBER_TYPES = ("I64", "I32", "I16", "F32", "F64")

Value = int | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SizesInFiles:
    """What repeats the old sizes inside of weight files.

    Attributes:
        fields: settings that change.
        buffers: tensors of one number that change.
        notes: settings of the old size whose meaning is not known, a sentence each.
    """

    fields: tuple[FieldChange, ...]
    buffers: tuple[DependentBuffer, ...]
    notes: tuple[str, ...]


def sizes_in_files(checkpoint: Checkpoint, changes: Sequence[TableChange], found: Sequence[FoundTable]) -> SizesInFiles:
    """Return the numbers that must follow the tables, and those that may have to.

    Args:
        checkpoint: the opened checkpoint.
        changes: the tables that change.
        found: all tables and look-alikes; one that is unchanged may explain a number as well.
    """
    fields: list[FieldChange] = []
    notes: list[str] = []
    changed = {change.table.key for change in changes}
    shapes = {change.table.shape for change in changes}
    kept = [t for t in found if t.key not in changed and (t.refused is None or t.shape in shapes)]
    for file, pickled in checkpoint.pickles.items():
        here = [change for change in changes if checkpoint.tensors[change.table.key].copy_of is None]
        unknown: list[Setting] = []
        for setting in pickled.settings if here else ():
            known = list(dict.fromkeys(_meanings(setting, here, kept, checkpoint.tensors)))
            if len(known) == 1 and known[0] is not None:
                why = "the file's own number: the model is built from it"
                fields.append(FieldChange(file, setting.names, _plain(setting.value), _plain(known[0]), why))
            elif len(known) > 1 or (not known and _may_be_a_size(setting, here)):
                unknown.append(setting)
        notes.extend(_named(unknown))
    return SizesInFiles(tuple(fields), tuple(_number_tensors(checkpoint, changes)), tuple(notes))


def _plain(value: Value) -> int | list[int]:
    return list(value) if isinstance(value, tuple) else value


def _named(settings: Sequence[Setting]) -> Iterator[str]:
    for setting in settings[:MOST_NAMED]:
        name = ".".join(setting.names)
        name = f"element {name}" if name.isdigit() else name
        value = _plain(setting.value)
        yield f"{name} in the file is {value}, the old size, and is unchanged: set it if the model reads it"
    if len(settings) > MOST_NAMED:
        yield f"{len(settings) - MOST_NAMED} more numbers in the file equal the old size and are unchanged"


def _meanings(
    setting: Setting, changes: Sequence[TableChange], kept: Sequence[FoundTable], tensors: Mapping[str, StoredTensor]
) -> Iterator[Value | None]:
    """Yield what a setting must become according to each table that explains it best; ``None`` if it must stay."""
    name = setting.names[-1].lower() if setting.names else ""
    scored: list[tuple[int, Value | None]] = []
    for change in changes:
        after = _after(name, setting, change, tensors)
        if after is not None:
            scored.append((_affinity(setting.names, change.table.key), after))
    if not scored:
        return
    same = [table for table in kept if setting.value in (table.layout.rows, table.usable_length)]
    scored.extend((_affinity(setting.names, table.key), None) for table in same)
    best = max(score for score, _ in scored)
    yield from (after for score, after in scored if score == best)


def _after(name: str, setting: Setting, change: TableChange, tensors: Mapping[str, StoredTensor]) -> Value | None:
    """Return the setting's new value if it is a size of this table, else ``None``."""
    old, new, value = change.table.layout, change.layout, setting.value
    if isinstance(value, int) and name == "num_embeddings":  # of a module that was pickled whole
        module = change.table.key.rpartition(".")[0]
        return new.rows if value == old.rows and ".".join(setting.names[:-1]).endswith(module) and module else None
    if isinstance(value, int) and old.grid is None:
        return _lengths(change).get(value) if name in families.SETTING_LENGTHS else None
    if old.grid is None or new.grid is None:
        return None
    if isinstance(value, int) and name in families.SETTING_COUNTS and value in (old.positions, old.rows):
        return new.positions if value == old.positions else new.rows
    if name in families.SETTING_SIDES and _pair(value) == old.grid:
        return _like(value, new.grid)
    if name in families.SETTING_PIXELS:
        return _pixels(value, change, old, new, tensors)
    return None


def _lengths(change: TableChange) -> dict[int, int]:
    """The numbers that count a table's positions, and what they become: usable ones, all rows, all without padding."""
    old, new = change.table.layout, change.layout
    more = new.rows - old.rows
    return {n: n + more for n in (change.table.usable_length, old.positions, old.rows)}


def _pixels(
    value: Value, change: TableChange, old: TableLayout, new: TableLayout, tensors: Mapping[str, StoredTensor]
) -> Value | None:
    """Return an image's new size in pixels, if the old one is the grid in patches."""
    image = _pair(value)
    if image is None or old.grid is None or new.grid is None:
        return None
    patch = (image[0] // old.grid[0], image[1] // old.grid[1])
    kernels = {tensor.shape[-2:] for key, tensor in tensors.items() if len(tensor.shape) == 4 and "pos" not in key}
    whole = image == (patch[0] * old.grid[0], patch[1] * old.grid[1])
    if min(patch) < 1 or max(patch) > LARGEST_PATCH or not (whole or patch in kernels):
        return None
    size = change.pixels or (new.grid[0] * patch[0], new.grid[1] * patch[1])
    return _like(value, size)


def _pair(value: Value) -> tuple[int, int] | None:
    if isinstance(value, int):
        return (value, value)
    return (value[-2], value[-1]) if len(value) in (2, 3) else None


def _like(value: Value, size: tuple[int, int]) -> Value:
    if isinstance(value, tuple):
        return (*value[:-2], *size)
    return size[0] if size[0] == size[1] else size


def _affinity(names: tuple[str, ...], key: str) -> int:
    """How many groups of words a setting's names and a table's key have in common."""
    ours, theirs = (set(re.split(r"[._]", text.lower())) for text in (".".join(names), key))
    return sum(bool(group & ours) and bool(group & theirs) for group in families.SAME_SIDE_WORDS)


def _may_be_a_size(setting: Setting, changes: Sequence[TableChange]) -> bool:
    name = setting.names[-1].lower() if setting.names else ""
    if not name or (name.isdigit() and len(setting.names) > 1) or re.search(families.NOT_A_SIZE, name):
        return False
    for change in changes:
        old = change.table.layout
        if old.grid is None and setting.value in _lengths(change):
            return True
        if old.grid is not None and setting.value in (old.positions, old.rows, old.grid):
            return True
    return False


class _OneNumber(BufferRule):
    """A tensor of one number that repeats a table's size."""

    what = "the old size as a tensor"
    names = re.compile(families.NUMBER_TENSORS)

    def __init__(self, after: int) -> None:
        self.after = after

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether it is one number."""
        return shape in ((), (1,))

    def extend(self, key: str, values: Array, shape: tuple[int, ...], file: object) -> Array:  # noqa: ARG002
        """Return the new size."""
        return np.full(shape, self.after, values.dtype)


def _number_tensors(checkpoint: Checkpoint, changes: Sequence[TableChange]) -> Iterator[DependentBuffer]:
    for key, tensor in checkpoint.tensors.items():
        if not re.search(families.NUMBER_TENSORS, key) or tensor.shape not in ((), (1,)):
            continue
        if tensor.dtype not in _NUMBER_TYPES:
            continue
        number = float(checkpoint.read(key).reshape(-1)[0])
        if not number.is_integer():
            continue
        setting = Setting(tuple(key.split(".")), int(number))
        for change in changes:
            after = _after(setting.names[-1], setting, change, checkpoint.tensors)
            if isinstance(after, int):
                yield DependentBuffer(key, _OneNumber(after), change.table.key, tensor.shape, tensor.shape)
                break
