"""Find the position tables of a checkpoint from headers and configuration, and refuse what only looks like one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from posembed.checkpoint.source import Checkpoint, CheckpointPath, open_checkpoint
from posembed.checkpoint.tensors import FLOATS, Array, StoredTensor
from posembed.find import families
from posembed.find.config import Node, nodes
from posembed.find.distances import distance_fields
from posembed.find.families import weights
from posembed.find.found import FoundTable
from posembed.find.override import override_one
from posembed.find.own_settings import explained_by_file
from posembed.find.recognize import recognize
from posembed.find.renamed import explained_by_graph, read_own, renamed
from posembed.find.sample import leading_rows
from posembed.find.sinusoids import frozen_by, why_fixed
from posembed.find.stored_layout import read_shape
from posembed.find.unused import why_unused
from posembed.find.verdict import look_alike
from posembed.records.override import Override

__all__ = ["Override", "find_in", "find_tables"]

Sample = Callable[[str], Array | None]


def find_tables(path: CheckpointPath, *, override: Override | None = None) -> list[FoundTable]:
    """List the learned position tables of a checkpoint, and the look-alikes that are refused, with the reasons.

    Headers and configuration files are read, and a few rows of each table; never the whole file. An opened checkpoint
    keeps the result, so that asking again reads nothing.

    Args:
        path: a safetensors file, a Transformers or sentence-transformers directory, a PyTorch state dict, or an opened
            checkpoint.
        override: the layout of one tensor, in place of what would be found.

    Returns:
        Tables first, look-alikes last; each group in the file's order.

    Raises:
        InvalidArgumentError: if the path holds no checkpoint, or ``override`` names no tensor or does not fit it.
        CheckpointError: for a file that is broken, unsafe or missing.
    """
    checkpoint = open_checkpoint(path)
    found = list(checkpoint.once("position tables", lambda: tuple(_search(checkpoint))))
    if override is not None:
        stated = override_one(checkpoint.tensors, override, found)
        found = [stated, *(table for table in found if table.key != stated.key)]
    return sorted(found, key=lambda table: table.refused is not None)


def _search(checkpoint: Checkpoint) -> list[FoundTable]:
    seen = renamed(checkpoint)

    def sample(key: str) -> Array | None:
        return leading_rows(checkpoint, seen.keys.get(key, key), weights.SAMPLE_ROWS)

    own = [table for key in checkpoint.tensors if (table := read_own(checkpoint, key)) is not None]
    keys = {table.key for table in own}
    found = [seen.restored(table) for table in find_in(seen.tensors, checkpoint.config, sample)]
    found = [explained_by_graph(explained_by_file(table, checkpoint), checkpoint) for table in found]
    return [*own, *(table for table in found if table.key not in keys)]


def find_in(
    tensors: Mapping[str, StoredTensor], config: Mapping[str, object], sample: Sample | None = None
) -> list[FoundTable]:
    """List the tables among some tensors, by names, shapes and configuration alone.

    Args:
        tensors: by key; the others are evidence about each one, such as the class token beside a grid.
        config: as ``config.json`` holds it.
        sample: returns some rows of a tensor ``[n, d_model]``, or ``None`` if its values cannot be read.
    """
    tree = nodes(config)
    judged = (_judge(tensor, tree, tensors, sample) for tensor in tensors.values())
    return [table for table in judged if table is not None]


def _judge(
    tensor: StoredTensor, tree: list[Node], tensors: Mapping[str, StoredTensor], sample: Sample | None
) -> FoundTable | None:
    """A table or a look-alike with its reason; ``None`` for any other tensor."""
    key = tensor.key
    if re.search(families.TOKEN_TYPE, key) and len(tensor.shape) == 2:
        reason = "a token-type (segment) table: its rows are kinds of token, not positions"
        return look_alike(tensor, tree, reason)
    if not re.search(families.POSITION_WORD, key) or re.search(families.NOT_A_TABLE, key):
        return None
    for law in families.LOOK_ALIKES:
        if re.search(law.key, key):
            return look_alike(tensor, tree, law.reason, fields=distance_fields(tensor, tree))
    if len(tensor.shape) < 2 or max(tensor.shape) < 2:
        return None
    if tensor.dtype not in FLOATS:
        return look_alike(tensor, tree, f"holds {tensor.dtype} numbers: a table holds floating-point rows")
    if is_kernel(tensor.shape):
        return look_alike(tensor, tree, "the kernel of a depthwise convolution: there are no rows to extend")
    shape = read_shape(tensor.shape)
    if shape is None:
        return look_alike(tensor, tree, f"its shape {list(tensor.shape)} is not that of rows of one width")
    table = recognize(tensor, shape, tree, tensors)
    rows = sample(key) if sample is not None else None
    reason_fixed = why_fixed(key, table.family, tree, rows)
    if reason_fixed is None:
        unused = why_unused(table, tree, tensors)
        return table if unused is None else replace(table, unused=unused, evidence=(*table.evidence, unused))
    frozen = frozen_by(table, tree, rows)
    if frozen is None:
        return look_alike(tensor, tree, reason_fixed, table.family, table.fields)
    formula = "all zeros" if frozen.formula == "zeros" else f"{frozen.formula} formula"
    known = f"{reason_fixed} ({formula}), which posembed extend can compute at another size"
    # A formula that fits also proves which row is which position.
    return replace(table, refused=known, frozen=frozen, uncertain=False, evidence=(*table.evidence, known))


def is_kernel(shape: tuple[int, ...]) -> bool:
    """Return whether a shape is ``[channels, 1, n, n]`` with a small odd n, which no table has."""
    if len(shape) != 4 or shape[0] < 2 or shape[1] != 1:
        return False
    return shape[2] == shape[3] <= weights.LARGEST_KERNEL and shape[2] % 2 == 1
