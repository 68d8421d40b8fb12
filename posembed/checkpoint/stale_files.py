"""Files that would be stale in an extended copy: the old table in other formats, records of its training."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from posembed.checkpoint.source import Checkpoint
from posembed.errors import CheckpointError

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
    for file in walk(checkpoint.root):
        inner = file.relative_to(checkpoint.root)
        folders = inner.parts[:-1]
        if file.absolute() in used:
            continue
        if any(part in _BOOKKEEPING for part in folders):
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


def _is_record(file: Path) -> bool:
    """Return whether it is posembed's own record: other tools use the name too."""
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("schema") == "posembed.calibration"


def walk(root: Path) -> Iterator[Path]:
    """Yield every file below a directory, sorted; links to files count as files.

    Raises:
        CheckpointError: for a link to a directory (it may lead out of the checkpoint, or in a circle) and for links
            that lead nowhere.
    """
    for folder, folders, files in os.walk(root):
        folders.sort()
        for name in folders:
            if (Path(folder) / name).is_symlink():
                raise CheckpointError(
                    f"{Path(folder) / name}: is a symbolic link to a directory, which is not followed: "
                    "replace it by the directory, or remove it"
                )
        for name in sorted(files):
            file = Path(folder) / name
            if not file.is_file():
                raise CheckpointError(f"{file}: is not a regular file (a broken link, a pipe or a device)")
            yield file
