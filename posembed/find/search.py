"""Find the position tables of a checkpoint from headers and configuration, and refuse what only looks like one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from posembed.checkpoint.source import Checkpoint, open_checkpoint
from posembed.checkpoint.tensors import Array, StoredTensor
from posembed.errors import InvalidArgumentError
from posembed.find import families
from posembed.find.config import Node, is_family, nodes
from posembed.find.found import FoundTable, Memory
from posembed.find.recognise import recognise
from posembed.find.verdict import Shape
from posembed.layout import TableLayout
from posembed.records.override import Override

FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
SAMPLE_ROWS = 64
_WORD = re.compile(families.POSITION_WORD)
_TOKEN_TYPE = re.compile(families.TOKEN_TYPE)
_LAYER = re.compile(families.NOT_A_TABLE)


def find_tables(path: str | os.PathLike[str] | Checkpoint, *, override: Override | None = None) -> list[FoundTable]:
    """List the learned position tables of a checkpoint, and the look-alikes that are refused, with the reasons.

    Headers and configuration files are read, and a few rows of each table; never the whole file.

    Args:
        path: a safetensors file, a Transformers or sentence-transformers directory, or a PyTorch state dict.
        override: what the user says of one tensor.

    Returns:
        Tables first, refused tensors last; each group in the file's order.

    Raises:
        InvalidArgumentError: if the path holds no checkpoint, or ``override`` names no tensor or does not fit it.
        CheckpointError: for a file that is broken, unsafe or missing.
    """
    checkpoint = path if isinstance(path, Checkpoint) else open_checkpoint(path)
    found = find_in(checkpoint.tensors, checkpoint.config, lambda key: _first_rows(checkpoint, key))
    if override is not None:
        said = override_one(checkpoint.tensors, override, found)
        found = [said, *(table for table in found if table.key != said.key)]
    return sorted(found, key=lambda table: table.refused is not None)


def find_in(
    tensors: Mapping[str, StoredTensor], config: dict[str, Any], sample: Callable[[str], Array | None] | None = None
) -> list[FoundTable]:
    """The same for names and shapes alone: ``sample`` gives some rows of a tensor where values can be read."""
    tree = nodes(config)
    found = (_judge(tensor, tree, tensors, sample) for tensor in tensors.values())
    return [table for table in found if table is not None]


def _judge(
    tensor: StoredTensor,
    tree: list[Node],
    tensors: Mapping[str, StoredTensor],
    sample: Callable[[str], Array | None] | None,
) -> FoundTable | None:
    key = tensor.key
    if _TOKEN_TYPE.search(key) and len(tensor.shape) == 2:
        return _refuse(tensor, tree, "a token-type (segment) table: its rows are kinds of token, not positions")
    if not _WORD.search(key) or _LAYER.search(key):
        return None
    for alike in families.LOOK_ALIKES:
        if re.search(alike.key, key):
            return _refuse(tensor, tree, alike.reason)
    if len(tensor.shape) < 2 or max(tensor.shape, default=0) < 2:
        return None
    if tensor.dtype not in FLOATS:
        return _refuse(tensor, tree, f"holds {tensor.dtype} numbers: a table holds floating-point rows")
    if _is_kernel(tensor.shape):
        return _refuse(tensor, tree, "the kernel of a depthwise convolution: there are no rows to extend")
    shape = _shape(tensor)
    if shape is None:
        return _refuse(tensor, tree, f"its shape {list(tensor.shape)} is not that of rows of one width")
    table = recognise(tensor, shape, tree, tensors)
    if table.refused is None:
        reason = _fixed(table, tree, sample)
        if reason is not None:
            return _refuse(tensor, tree, reason, table.family)
    return table


def _shape(tensor: StoredTensor) -> Shape | None:
    """Read the tensor's shape as rows of one width."""
    shape = tensor.shape
    memory: Memory
    if 0 in shape:
        return None
    if len(shape) == 2:
        return Shape("rows", shape[0], shape[1], None) if shape[0] > 1 and shape[1] > 1 else None
    if len(shape) == 3 and shape[0] == 1:
        return Shape("1,rows", shape[1], shape[2], None) if shape[1] > 1 else None
    if len(shape) == 3 and shape[1] == 1:
        return Shape("rows,1", shape[0], shape[2], None)
    if len(shape) == 3:
        return Shape("H,W", shape[0] * shape[1], shape[2], (shape[0], shape[1]))
    if len(shape) == 4 and shape[1] == 1 < shape[2]:
        return Shape("k,1,rows", shape[2], shape[3], None)
    if len(shape) == 4 and shape[0] == 1:
        first, middle, last = shape[1:]
        square_first = first == middle != last  # [1, H, W, d] with H = W
        channels_first = not square_first and (middle == last != first or first > last)
        memory = "1,d,H,W" if channels_first else "1,H,W"
        grid = (shape[2], shape[3]) if channels_first else (shape[1], shape[2])
        width = shape[1] if channels_first else shape[3]
        return Shape(memory, grid[0] * grid[1], width, grid) if grid != (1, 1) else None
    return None


def _is_kernel(shape: tuple[int, ...]) -> bool:
    """``[channels, 1, n, n]`` with a small odd n, which no table has."""
    return len(shape) == 4 and shape[0] > 1 and shape[1] == 1 and shape[2] == shape[3] <= 7 and shape[2] % 2 == 1


def _fixed(table: FoundTable, tree: list[Node], sample: Callable[[str], Array | None] | None) -> str | None:
    """Why a tensor is a fixed sinusoid: its family, its configuration, or the values themselves."""
    rows = sample(table.key) if sample is not None else None
    types = [table.family, *(node.model_type for node in tree[:1])]
    for alike in families.SINUSOIDS:
        if re.search(alike.key, table.key) and any(is_family(kind, alike.families) for kind in types):
            if alike.values_decide and rows is not None and not looks_sinusoidal(rows):
                continue
            return alike.reason
    for node in tree:
        switch = families.SINUSOID_SWITCHES.get(node.model_type)
        if switch is not None and node.model_type in types and node.fields.get(switch[0]) == switch[1]:
            return f"a fixed sinusoid: the configuration says {node.dotted(switch[0])} = {switch[1]}"
    if rows is not None and looks_sinusoidal(rows):
        return "a fixed sinusoid: all its rows have the same norm, as sin² + cos² makes them, and bounded values"
    return None


def looks_sinusoidal(rows: Array) -> bool:
    """Whether rows are those of a sinusoid: one norm for all, which random or trained rows never have.

    Args:
        rows: ``[n, d_model]``; zero rows (a class token's) are left out.

    Example:
        >>> angles = np.arange(8)[:, None] / 10.0 ** np.arange(6)
        >>> looks_sinusoidal(np.concatenate((np.sin(angles), np.cos(angles)), axis=1))
        True
        >>> looks_sinusoidal(np.random.default_rng(0).normal(size=(8, 12)))
        False
    """
    work = np.asarray(rows, dtype=np.float64)
    norms = np.linalg.norm(work, axis=1)
    kept = norms > 0
    if kept.sum() < 4 or not np.isfinite(norms).all():
        return False
    norms, work = norms[kept], work[kept]
    if np.ptp(norms) > 4e-3 * norms.mean() or np.ptp(work, axis=0).max() == 0:
        return False
    peak = np.abs(work).max()
    return bool(abs(norms.mean() / (peak * np.sqrt(work.shape[1] / 2)) - 1) < 0.05)


def _first_rows(checkpoint: Checkpoint, key: str) -> Array | None:
    from posembed.find.sample import leading_rows

    return leading_rows(checkpoint, key, SAMPLE_ROWS)


def _refuse(tensor: StoredTensor, tree: list[Node], reason: str, family: str | None = None) -> FoundTable:
    rows = max(1, int(np.prod(tensor.shape[:-1], dtype=np.int64)) if len(tensor.shape) > 1 else sum(tensor.shape))
    kind = family if family is not None else (tree[0].model_type or "unknown")
    layout = TableLayout(length=rows)
    return FoundTable(tensor.key, tensor.shape, tensor.dtype, tensor.file, kind, layout, (reason,), refused=reason)


def override_one(tensors: Mapping[str, StoredTensor], said: Override, found: list[FoundTable]) -> FoundTable:
    """The table as the user says it is.

    Raises:
        InvalidArgumentError: if there is no such tensor, or it has fewer rows than is said.
    """
    tensor = tensors.get(said.key)
    if tensor is None:
        near = [t.key for t in found if t.refused is None] or list(tensors)[:3]
        raise InvalidArgumentError(
            f"table={said.key!r} is no tensor of this checkpoint; it has, for example, {near[:3]}"
        )
    shape = _shape(tensor)
    if shape is None or tensor.dtype not in FLOATS:
        raise InvalidArgumentError(
            f"table={said.key!r} is {tensor.dtype} of shape {list(tensor.shape)}: no table of floating-point rows"
        )
    known = next((table for table in found if table.key == said.key), None)
    if said.grid is not None:
        left = shape.rows - said.reserved - said.grid[0] * said.grid[1]
        suffix = left - said.prefix if said.prefix is not None else min(left, 0)
        prefix = left if said.prefix is None else said.prefix
        if suffix < 0:
            raise InvalidArgumentError(
                f"grid={said.grid[0]}x{said.grid[1]} with reserved={said.reserved} and prefix={said.prefix or 0} needs "
                f"more rows than the {shape.rows} of {said.key!r}"
            )
        layout = TableLayout(grid=said.grid, reserved=said.reserved, prefix=prefix, suffix=suffix)
    else:
        prefix = said.prefix or 0
        length = shape.rows - said.reserved - prefix
        if length < 1:
            raise InvalidArgumentError(
                f"reserved={said.reserved} and prefix={prefix} leave no position of the {shape.rows} rows "
                f"of {said.key!r}"
            )
        layout = TableLayout(length=length, reserved=said.reserved, prefix=prefix)
    return FoundTable(
        tensor.key,
        tensor.shape,
        tensor.dtype,
        tensor.file,
        known.family if known else "unknown",
        layout,
        ("the layout is what the call says",),
        kind="sequence" if said.grid is None else "grid",
        memory=shape.memory,
        fields=known.fields if known is not None and known.layout.rows == layout.rows else (),
        resize=known.resize if known is not None else families.DEFAULT_RESIZE,
    )
