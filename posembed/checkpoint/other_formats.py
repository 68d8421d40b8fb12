"""Recognize the same weights in other files: exports of every kind, and copies under another name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path

from posembed.checkpoint.formats.safetensors.header import read_header
from posembed.checkpoint.partial import bytes_of, open_binary, size_of
from posembed.errors import CheckpointError

# Endings of files that hold a whole model and nothing else, with ONNX's external data.
_EXPORT = re.compile(
    r"\.(?:onnx(?:[._]data(?:[._-]\w+)?)?|ort|gguf|ggml|tflite|mlmodel|msgpack|h5|keras|ot|engine|trt|plan|pte|ptl|mnn"
    r"|torchscript(?:\.pt)?|llamafile)$"
)
# Folders that are an export, with all that they hold.
_EXPORT_FOLDER = re.compile(
    r"^(?:onnx|openvino|coreml|tflite|gguf|tensorrt|torchscript|saved_model)$|\.(?:mlpackage|mlmodelc|savedmodel)$"
)
_COPIES = (".bin", ".pt", ".pth", ".ckpt")
_LARGEST_GRAPH = 64 << 20
"""An ONNX graph beside external data is small; a larger file holds the weights itself and names no other."""
_LARGEST_INDEX = 16 << 20
"""The part of a pickle that names its tensors: 16 MiB name a hundred thousand and more."""
_LOCATION = re.compile(rb"\x0a\x08location\x12")  # of external data: field 1 is the key, field 2 the value


def is_export(inner: Path) -> bool:
    """Return whether a file, by its path inside the checkpoint, holds the model in a format for another library.

    Example:
        >>> is_export(Path("exports/encoder_fp16.onnx")), is_export(Path("2_Dense/model.safetensors"))
        (True, False)
    """
    return _EXPORT.search(inner.name) is not None or any(_EXPORT_FOLDER.search(part) for part in inner.parts[:-1])


def parts_of_exports(files: Iterable[Path]) -> set[Path]:
    """Return the files that an export consists of beside the one by whose name it is known.

    These are the weights of an OpenVINO network with the network itself, whatever its name, and the external data of an
    ONNX graph under names of its own.
    """
    files = set(files)
    parts: set[Path] = set()
    for file in files:
        weights = file.with_suffix(".bin")
        if file.suffix == ".xml" and weights in files and _starts_with_network(file):
            parts |= {file, weights}
        elif file.suffix == ".onnx" and size_of(file) <= _LARGEST_GRAPH:
            parts |= {file.parent / name for name in _external_data(file)} & files
    return parts


def _starts_with_network(file: Path) -> bool:
    with open_binary(file) as stream:
        return b"<net" in stream.read(512)


def _external_data(graph: Path) -> set[str]:
    """Return the names that an ONNX graph gives for its external data."""
    content = bytes_of(graph)
    names = set()
    for found in _LOCATION.finditer(content):
        start = found.end()
        if start < len(content) and content[start] < 0x80:  # a length of one byte: names of up to 127 bytes
            names.add(content[start + 1 : start + 1 + content[start]].decode("utf-8", "replace"))
    return names


def holds_any(file: Path, keys: Collection[str]) -> bool:
    """Return whether a weight file names any of some tensors; a file that cannot be read is not taken for one.

    A pickle is not unpickled: its names are searched for.
    """
    if file.suffix == ".safetensors":
        try:
            return not read_header(file).tensors.keys().isdisjoint(keys)
        except CheckpointError:
            return False
    if file.suffix not in _COPIES:
        return False
    try:
        with open_binary(file) as stream, zipfile.ZipFile(stream) as archive:
            index = next((entry for entry in archive.infolist() if entry.filename.endswith("data.pkl")), None)
            if index is None or index.file_size > _LARGEST_INDEX:
                return False
            content = archive.read(index)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError):
        return False
    return any(key.encode() in content for key in keys)
