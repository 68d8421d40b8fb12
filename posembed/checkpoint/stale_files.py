"""Files that would be stale in an extended copy: the old table in other formats, records of its training."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tree import read_tree

_OTHER_FORMATS = re.compile(
    r"^(?:(?:pytorch_|tf_|flax_|rust_|open_clip_pytorch_|open_clip_)?model|consolidated)[\w.-]*"
    r"\.(?:bin|h5|msgpack|ot|onnx|gguf|safetensors|pt|pth|ckpt|tflite|mlmodel|index\.json)$"
)
_OPTIMIZER = re.compile(r"^(?:optimizer|scheduler|rng_state|global_step)[\w.-]*\.(?:pt|bin|pth)$")
_FOLDERS = {"onnx": "another format", "openvino": "another format", "coreml": "another format"}
CALIBRATION = "calibration.json"  # how the rows of a checkpoint were trained, see posembed.quality.calibrate.record
TABLES_BY_LENGTH = "length_aware.safetensors"  # beside the model's weights, see posembed.extension.length_aware
_BOOKKEEPING = {".git", ".cache", "__pycache__"}


def stale_files(checkpoint: Checkpoint) -> Iterator[tuple[Path, str]]:
    """Yield the files that hold the old table in another format, or are not part of the model, with the reason."""
    indexes = [checkpoint.index] if checkpoint.index is not None else []
    used = {file.absolute() for file in (*checkpoint.files, *indexes)}
    for file in read_tree(checkpoint.root).files:
        inner = file.relative_to(checkpoint.root)
        folders = inner.parts[:-1]
        if file.absolute() in used:
            continue
        if is_bookkeeping(inner.parent):
            yield file, "bookkeeping of a download or of git"
        elif (file.parent == checkpoint.directory and _OTHER_FORMATS.match(file.name)) or (
            folders and folders[-1] in _FOLDERS and file.parent.parent == checkpoint.directory
        ):
            yield file, "the same weights in another format, with the old table"
        elif file.name == TABLES_BY_LENGTH:
            yield file, "length-aware tables that belong to the old table: create and save them again"
        elif file.name == CALIBRATION and _is_record(file):
            yield file, "the record of how the old table was trained"
        elif _OPTIMIZER.match(file.name):
            yield file, "the optimizer's state for the old table"


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
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("schema") == "posembed.calibration"
