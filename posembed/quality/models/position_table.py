"""The position table that an evaluation, a search or a calibration is about, and its parameter in a loaded model."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from posembed.checkpoint.source import CheckpointPath, open_checkpoint
from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import InvalidArgumentError
from posembed.extension.length_aware_place import tables_file
from posembed.find.found import FoundTable
from posembed.find.search import find_tables


def usable_length(path: CheckpointPath) -> int:
    """Return the longest input in tokens, special tokens included, that a checkpoint's position tables allow.

    Raises:
        InvalidArgumentError: if it has no position table of a sequence.
    """
    lengths = [table.usable_length for table in _sequence_tables(path)]
    if not lengths:
        raise InvalidArgumentError(
            f"{open_checkpoint(path).root} has no learned position table of a sequence: there is nothing to evaluate"
        )
    return min(lengths)


def only_table(path: CheckpointPath) -> FoundTable:
    """Return the one position table of a sequence that a checkpoint has.

    Raises:
        InvalidArgumentError: if there is none, several, or one whose rows are uncertain.
    """
    tables = _sequence_tables(path)
    if len(tables) != 1 or any(table.uncertain for table in tables):
        count = "one sequence table, whose rows are uncertain" if len(tables) == 1 else f"{len(tables)} sequence tables"
        raise InvalidArgumentError(
            f"{open_checkpoint(path).root} has {count}; exactly one unambiguous sequence table is required. posembed "
            "inspect lists them"
        )
    (table,) = tables
    return table


def _sequence_tables(path: CheckpointPath) -> list[FoundTable]:
    return [table for table in find_tables(path) if table.is_text_sequence]


def refuse_length_aware(path: str | os.PathLike[str], verb: str) -> None:
    """Refuse a checkpoint that has length-aware tables: its own table is not the one that short inputs read.

    Args:
        path: the checkpoint's directory.
        verb: what was to be done with it, such as ``"calibrate"``.

    Raises:
        InvalidArgumentError: naming the checkpoint to use instead.
    """
    if tables_file(Path(path)) is not None:
        raise InvalidArgumentError(
            f"{path} has length-aware tables ({TABLES_BY_LENGTH}): {verb} the checkpoint that they were made from"
        )


def parameter_name(model: torch.nn.Module, table: FoundTable) -> str:
    """Return the name of a loaded model's parameter that holds a table of its checkpoint.

    Transformers drops or adds a prefix of the stored name, depending on the class that loads it.

    Raises:
        InvalidArgumentError: if no parameter fits, or several.
    """
    names = [name for name, _ in model.named_parameters() if table.key == name or table.key.endswith(f".{name}")]
    names = names or [name for name, _ in model.named_parameters() if name.endswith(f".{table.key}")]
    if len(names) != 1:
        raise InvalidArgumentError(
            f"{type(model).__name__} has {len(names)} parameters that could be {table.key}; exactly one is required"
        )
    return names[0]
