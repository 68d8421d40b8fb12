"""Write copies of weight files, whatever their format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from posembed.checkpoint.copying import Progress
from posembed.checkpoint.formats.gguf.file import GgufFile, open_gguf
from posembed.checkpoint.formats.gguf.rewrite import rewrite_gguf
from posembed.checkpoint.formats.npz.file import NpzFile, open_npz
from posembed.checkpoint.formats.npz.rewrite import rewrite_npz
from posembed.checkpoint.formats.onnx.file import OnnxFile, open_onnx
from posembed.checkpoint.formats.onnx.rewrite import rewrite_onnx
from posembed.checkpoint.formats.weight_file import WeightFile
from posembed.checkpoint.tensors import Array

Place = tuple[str | int, ...]  # names and list positions that lead to a value


def rewrite_weight_file(
    source: WeightFile,
    target: Path,
    replacements: Mapping[str, Array],
    settings: Mapping[Place, object],
    progress: Progress | None = None,
    *,
    full: bool = False,
) -> WeightFile:
    """Write a copy with new tensors and settings, compare it with its source, and return it opened.

    Args:
        source: the opened file.
        target: the new file, which must not exist.
        replacements: new values by key, of the type that :meth:`WeightFile.read` returns.
        settings: new values of ``source.config`` by the names that lead to them.
        progress: called with the number of bytes written since the last call.
        full: compare every copied byte, not samples.

    Raises:
        CheckpointError: if the source changed since it was opened.
        WorkFailedError: if the copy cannot be written, or does not read back as it was written.
    """
    if isinstance(source, GgufFile):
        rewrite_gguf(source, target, replacements, settings, progress, full=full)
        return open_gguf(target)
    assert not settings, "neither an archive nor a graph has settings"
    if isinstance(source, OnnxFile):
        rewrite_onnx(source, target, replacements, progress, full=full)
        return open_onnx(target)
    assert isinstance(source, NpzFile)
    rewrite_npz(source, target, replacements, progress, full=full)
    return open_npz(target)
