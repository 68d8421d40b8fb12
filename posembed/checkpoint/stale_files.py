"""Files that would be stale in an extended copy: the old table in other formats, records of its training."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from posembed.checkpoint.json_object import read_json_value
from posembed.checkpoint.other_formats import holds_any, is_export, parts_of_exports
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tree import read_tree
from posembed.errors import CheckpointError
from posembed.files import is_hidden_name

_OTHER_FORMATS = re.compile(
    r"^(?:(?:pytorch_|tf_|flax_|rust_|open_clip_pytorch_|open_clip_)?model|consolidated)[\w.-]*"
    r"\.(?:bin|h5|msgpack|ot|onnx|gguf|safetensors|pt|pth|ckpt|tflite|mlmodel|index\.json)$"
)
_OPTIMIZER = re.compile(r"^(?:optimizer|scheduler|rng_state|global_step)[\w.-]*\.(?:pt|bin|pth)$")
CALIBRATION = "calibration.json"  # how the rows of a checkpoint were trained, see posembed.quality.calibrate.record
TABLES_BY_LENGTH = "length_aware.safetensors"  # beside the model's weights, see posembed.extension.length_aware
_BOOKKEEPING = {".git", ".cache", "__pycache__"}


def stale_files(checkpoint: Checkpoint, changed: Collection[str] = ()) -> Iterator[tuple[Path, str]]:
    """Yield the files that hold the old table in another format, or are not part of the model, with the reason.

    Args:
        checkpoint: a directory.
        changed: keys of the tensors that change: a file beside the weights that has one of them is a copy.
    """
    indexes = [checkpoint.index] if checkpoint.index is not None else []
    used = {file.absolute() for file in (*checkpoint.files, *indexes)}
    files = [file for file in read_tree(checkpoint.root).files if file.absolute() not in used]
    parts = parts_of_exports(files)
    inside = {part.absolute() for file in checkpoint.others.values() for part in file.parts}
    for file in files:
        inner = file.relative_to(checkpoint.root)
        beside = file.parent == checkpoint.directory
        if is_bookkeeping(inner.parent):
            yield file, "bookkeeping of a download or of git"
        elif is_hidden_name(file.name):
            yield file, "what a killed run of posembed has left"
        elif file.absolute() in inside:
            yield file, "external data, which the copy holds in its one file"
        elif file in parts or is_export(inner) or (beside and _OTHER_FORMATS.match(file.name)):
            yield file, "the same weights in another format, with the old table"
        elif file.name == TABLES_BY_LENGTH:
            yield file, "length-aware tables that belong to the old table: create and save them again"
        elif file.name == CALIBRATION and _is_record(file):
            yield file, "the record of how the old table was trained"
        elif _OPTIMIZER.match(file.name):
            yield file, "the optimizer's state for the old table"
        elif beside and holds_any(file, changed):
            yield file, "a copy of the weights, with the old table"


def is_bookkeeping(folder: Path) -> bool:
    """Return whether a folder, relative to the checkpoint, holds what a download or git remembers.

    Example:
        >>> is_bookkeeping(Path(".git", "refs")), is_bookkeeping(Path("1_Pooling"))
        (True, False)
    """
    return any(part in _BOOKKEEPING for part in folder.parts)


def _is_record(file: Path) -> bool:
    """Return whether it is posembed's own record: other tools use the name too."""
    try:
        content = read_json_value(file)
    except CheckpointError:
        return False
    return isinstance(content, dict) and content.get("schema") == "posembed.calibration"
