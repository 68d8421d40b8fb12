"""Write a copy of an ONNX model with new initializers and constants, as one file; numbers are copied by the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from posembed.checkpoint.copying import Progress, copy_range, created, opened, read_into, write_all
from posembed.checkpoint.formats.onnx import wire
from posembed.checkpoint.formats.onnx.file import OnnxFile, constants, open_onnx
from posembed.checkpoint.tensors import Array
from posembed.errors import InvalidArgumentError, WorkFailedError

if TYPE_CHECKING:
    from onnx import ModelProto

MOST_IN_ONE_FILE = (1 << 31) - 1
"""Bytes that a protocol buffer can have."""
SAMPLE = 1 << 16  # bytes that are compared at a time


def rewrite_onnx(
    source: OnnxFile, target: Path, replacements: Mapping[str, Array], progress: Progress | None, *, full: bool
) -> None:
    """Write a copy; nodes keep their order, and every other initializer its bytes.

    External data moves into the file itself, which is then whole at one instant.

    Raises:
        CheckpointError: if a file changed since it was opened.
        InvalidArgumentError: if the copy would be larger than a protocol buffer can be.
        WorkFailedError: if the copy cannot be written, or does not read back as it was written.
    """
    model = type(source.model)()
    model.CopyFrom(source.model)
    spans = {name: span for name, span in source.spans.items() if name not in replacements}
    for name, proto in constants(model.graph).items():
        if name in replacements:
            values = replacements[name]
            for part in ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "external_data"):
                proto.ClearField(part)
            proto.ClearField("data_location")
            proto.raw_data = np.ascontiguousarray(values).tobytes()
            del proto.dims[:]
            proto.dims.extend(values.shape)
        elif name in spans:
            proto.ClearField("external_data")
            proto.ClearField("data_location")
    _forget_shapes(model, replacements)
    _write(source, target, model, progress)
    _verify(source, open_onnx(target), replacements, full=full)


def _forget_shapes(model: ModelProto, replacements: Mapping[str, Array]) -> None:
    """Drop what the graph says of inner shapes, which runtimes infer: it may hold the old length.

    Declared inputs of initializers, which models of IR version 3 have, follow their initializers.
    """
    del model.graph.value_info[:]
    for value in model.graph.input:
        if value.name in replacements:
            sides = value.type.tensor_type.shape.dim
            for side, size in zip(sides, replacements[value.name].shape, strict=False):
                side.dim_value = size


def _write(source: OnnxFile, target: Path, model: ModelProto, progress: Progress | None) -> None:
    heads = []
    for proto in model.graph.initializer:
        span = source.spans.get(proto.name) if not proto.raw_data else None
        data = proto.SerializeToString()
        raw = b"" if span is None else wire.head_of(wire.RAW_DATA, span.size)
        length = len(data) + len(raw) + (0 if span is None else span.size)
        heads.append((wire.head_of(wire.INITIALIZER, length) + data + raw, span))
    del model.graph.initializer[:]
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    rest = model.SerializeToString()
    length = len(graph) + sum(len(head) + (0 if span is None else span.size) for head, span in heads)
    if length + len(rest) > MOST_IN_ONE_FILE:
        raise InvalidArgumentError(
            f"{source.path} with its external data has {length >> 20} MB, and one ONNX file can have "
            f"{MOST_IN_ONE_FILE >> 20}: extend the checkpoint that it was exported from, and export the copy"
        )
    with created(target, source.path.stat().st_mode, length) as writing:
        write_all(writing, memoryview(rest + wire.head_of(wire.GRAPH, length) + graph), progress)
        for head, span in heads:
            write_all(writing, memoryview(head), progress)
            if span is not None:
                with opened(span.file) as reading:
                    source.require_unchanged(span.file, reading)
                    copy_range(reading, writing, span.begin, span.size, progress)


def _verify(source: OnnxFile, written: OnnxFile, replacements: Mapping[str, Array], *, full: bool) -> None:
    for key, values in replacements.items():
        if written.read(key).tobytes() != np.ascontiguousarray(values).tobytes():
            raise WorkFailedError(f"{written.path}: {key} does not read back as it was written: check the disk")
    for key, span in source.spans.items():
        if key in replacements:
            continue
        other = written.spans.get(key)
        if other is None:  # small, read with the graph
            same = written.read(key).tobytes() == source.read(key).tobytes()
            starts: list[int] = []
        else:
            same = other.size == span.size
            whole = range(0, span.size, SAMPLE)
            starts = list(whole) if full else sorted({0, span.size // 2, max(0, span.size - SAMPLE)})
            with opened(span.file) as before, opened(other.file) as after:
                for start in starts:
                    count = min(SAMPLE, span.size - start)
                    one, two = (
                        _bytes(fd, at + start, count) for fd, at in ((before, span.begin), (after, other.begin))
                    )
                    same = same and one == two
        if not same:
            raise WorkFailedError(f"{written.path}: {key} differs from the source's: check the disk")


def _bytes(descriptor: int, offset: int, count: int) -> bytes:
    data = bytearray(count)
    read_into(descriptor, memoryview(data), offset)
    return bytes(data)
