"""Where a checkpoint keeps its file of length-aware tables: beside the weights that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.json_object import read_json_value
from posembed.checkpoint.own_code import LENGTH_AWARE_MODULE, PLAIN_MODULE
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.checkpoint.weight_files import transformer_directory
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.extension.field_change import FieldChange


def tables_file(root: Path) -> Path | None:
    """Return a checkpoint's file of length-aware tables, or ``None`` if it has none.

    Args:
        root: its directory. Where sentence-transformers keeps the Transformer in a folder of its own
            (``0_Transformer``), the file is there; up to version 0.2, posembed wrote it beside ``modules.json``.
    """
    at_root = root / TABLES_BY_LENGTH
    if at_root.is_file() or not (root / "modules.json").is_file():
        return at_root if at_root.is_file() else None
    try:
        inside = transformer_directory(root) / TABLES_BY_LENGTH
    except (CheckpointError, InvalidArgumentError):  # broken, or a Router, whose parts are checkpoints of their own
        return None
    return inside if inside.is_file() else None


def plain_module(root: Path) -> Iterator[FieldChange]:
    """Yield the change of ``modules.json`` where it names posembed's module: an extended copy begins without tables."""
    file = root / "modules.json"
    modules = read_json_value(file) if file.is_file() else None
    for number, module in enumerate(modules if isinstance(modules, list) else ()):
        if isinstance(module, dict) and module.get("type") == LENGTH_AWARE_MODULE:
            why = "the old length-aware tables are not copied"
            yield FieldChange(file, (number, "type"), LENGTH_AWARE_MODULE, PLAIN_MODULE, why)


def tables_name(checkpoint: Checkpoint) -> str:
    """Return the name of the file of length-aware tables in a copy of a checkpoint, relative to its root."""
    folder = checkpoint.directory
    inner = folder.relative_to(checkpoint.root) if folder.is_relative_to(checkpoint.root) else Path()
    return (inner / TABLES_BY_LENGTH).as_posix()
