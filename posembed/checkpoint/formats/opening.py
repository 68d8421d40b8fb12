"""Which weight files are of another format than safetensors and pickles, and how each is opened."""

from __future__ import annotations

import re
from pathlib import Path

from posembed.checkpoint.formats.weight_file import WeightFile
from posembed.checkpoint.way_out import PICKLES
from posembed.errors import InvalidArgumentError

ENDINGS = (".gguf", ".npz", ".onnx")
"""Endings of the files that :func:`open_weight_file` opens."""


def is_weight_file(file: Path) -> bool:
    """Return whether :func:`open_weight_file` opens a file.

    Example:
        >>> is_weight_file(Path("ViT-B_16.npz")), is_weight_file(Path("model.safetensors"))
        (True, False)
    """
    return file.suffix.lower() in ENDINGS or _begins_as_gguf(file)


def open_weight_file(file: Path) -> WeightFile:
    """Open a weight file by its ending; no tensor is read.

    Raises:
        CheckpointError: for a file that is broken or holds no tensors.
    """
    # Each reader is imported where it is needed: checkpoints in safetensors do without.
    if file.suffix.lower() == ".onnx":
        from posembed.checkpoint.formats.onnx.file import open_onnx

        return open_onnx(file)
    if file.suffix.lower() != ".npz":
        from posembed.checkpoint.formats.gguf.file import open_gguf

        return open_gguf(file)
    from posembed.checkpoint.formats.npz.file import open_npz

    return open_npz(file)


def require_ending(out: Path, source: Path) -> None:
    """Check that the copy of a weight file will be opened as what it is: formats are told by their endings.

    Raises:
        InvalidArgumentError: for the ending of another format, or none where GGUF, NumPy or ONNX would need theirs.

    Example:
        >>> require_ending(Path("long.onnx"), Path("model.onnx"))
    """
    ending, given = _ending(source), _ending(out)
    if ending == given or (ending == ".safetensors" and given is None and out.suffix.lower() not in PICKLES):
        return
    if ending is None:
        raise InvalidArgumentError(
            f"out={str(out)!r} must not end in {given}: the copy is a PyTorch file, as {source} is"
        )
    raise InvalidArgumentError(f"out={str(out)!r} must end in {ending}: the copy has the format of {source}")


def _ending(file: Path) -> str | None:
    ending = file.suffix.lower()
    if ending in (".safetensors", *ENDINGS):
        return ending
    return ".gguf" if _begins_as_gguf(file) else None


def _begins_as_gguf(file: Path) -> bool:
    """Return whether a file without a telling name is GGUF by its first bytes: Ollama names them by their hash."""
    if re.fullmatch(r"sha256[-:][0-9a-f]+", file.name) is None or not file.is_file():
        return False
    with file.open("rb") as stream:
        return stream.read(4) == b"GGUF"
