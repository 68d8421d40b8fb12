"""Further copies of a table in the same file: averages and teachers change with it, optimizers are named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import FLOATS
from posembed.extension.table_change import TableChange
from posembed.find import families
from posembed.find.found import FoundTable

_PARALLEL = re.compile(r"^(?:module\.|_orig_mod\.)+")


def with_copies(checkpoint: Checkpoint, changes: Sequence[TableChange]) -> tuple[TableChange, ...]:
    """Return the changes with one for every further copy of their tables: each copy is extended by its own values."""
    changing = {change.table.key for change in changes}
    more: list[TableChange] = []
    for change in changes:
        for key, tensor in checkpoint.tensors.items():
            same = tensor.copy_of == change.table.key and tensor.shape == change.table.shape
            if same and key not in changing and tensor.dtype in FLOATS and change.given is None:
                table = replace(change.table, key=key, dtype=tensor.dtype, file=tensor.file, fields=())
                more.append(replace(change, table=table))
                changing.add(key)
    return (*changes, *more)


def copies_that_stay(
    checkpoint: Checkpoint, changes: Sequence[TableChange], found: Sequence[FoundTable]
) -> Iterator[str]:
    """Yield a sentence for what has the old table's shape and stays: other copies, averages, optimizers.

    Args:
        checkpoint: the opened checkpoint.
        changes: the tables that change, copies included.
        found: all tables of the checkpoint.
    """
    changing = {change.table.key for change in changes}
    for change in changes:
        table = change.table
        for other in found:
            same = other.shape == table.shape and _last(other.key) == _last(table.key)
            # A config field of its own says that a table is no copy: BART's decoder beside its encoder.
            if same and other.refused is None and not other.fields and other.key not in changing:
                changing.add(other.key)
                yield (
                    f"{other.key} has the shape and name of {table.key} and is unchanged: name it with `tables` too if "
                    "it is a copy (an average of the weights, a teacher)"
                )
        averages = [
            key
            for key, tensor in checkpoint.tensors.items()
            if tensor.shape == table.shape and key not in changing and re.search(families.AVERAGE, key)
        ]
        averages = [key for key in averages if not _averages_another(key, table.key, checkpoint)]
        if averages:
            changing.update(averages)
            yield f"{_listed(averages)} may be an average of {table.key}, without a name, and is unchanged"
    yield from _training_state(checkpoint, {change.table.shape: change.table.key for change in reversed(changes)})


def _averages_another(key: str, table: str, checkpoint: Checkpoint) -> bool:
    """Return whether an average bears the name of another weight than the table; some drop the dots (``LitEma``)."""
    shape, bare = checkpoint.tensors[key].shape, key.replace(".", "")
    if _last(key) == _last(table) or bare.endswith(table.replace(".", "")):
        return False
    return any(
        tensor.shape == shape
        and not re.search(families.AVERAGE, other)
        and (_last(other) == _last(key) or bare.endswith(other.replace(".", "")))
        for other, tensor in checkpoint.tensors.items()
    )


def _training_state(checkpoint: Checkpoint, shapes: dict[tuple[int, ...], str]) -> Iterator[str]:
    for pickled in checkpoint.pickles.values():
        for shape, key in shapes.items():
            stale = [name for name, of in pickled.training if of == shape]
            if stale:
                yield (
                    f"{_listed(stale)} of the optimizer's state has the old shape of {key} and is unchanged: training "
                    "cannot be resumed from the copy, start it with a new optimizer"
                )


def _listed(keys: Sequence[str]) -> str:
    return keys[0] + (f" (and {len(keys) - 1} more)" if len(keys) > 1 else "")


def _last(key: str) -> str:
    """The last names of a key: those of its module and parameter, without a number that counts layers."""
    parts = _PARALLEL.sub("", key).split(".")
    return ".".join(parts[-2:]) if parts[-1] in ("weight", "bias") else parts[-1]


def compiled_note(checkpoint: Checkpoint) -> Iterator[str]:
    """Yield that the copy of a TorchScript archive is a plain state dict."""
    for file, pickled in checkpoint.pickles.items():
        if pickled.opened.is_torchscript:
            yield (
                f"{file.name} is TorchScript, whose compiled code knows the old sizes: the copy is a plain state dict; "
                "OpenAI's clip.load and open_clip read it as they read the archive, other code with load_state_dict"
            )
