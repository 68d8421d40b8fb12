"""Inference on the CPU without the plain form's large temporaries: the same numbers with less memory traffic.

The plain form writes the token rows of a whole batch into a new tensor, adds to it, and writes the normalised rows
into a second one; for 16 × 512 × 768 these are 25 MB each, and touching fresh pages costs as much as the arithmetic.
Here the sum is built in a buffer that is kept between calls (at most 32 MiB a thread; larger batches go through it
in blocks of sequences). Every row goes through the same operations in the same order as in
:class:`posembed.TokenPositionEmbedding`'s plain form, which is the reference.
"""

from __future__ import annotations

import threading

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posembed.nn.inputs import as_index

_WORTH_IT = 1 << 18  # numbers in the output; below, the plain form is as fast
_BUFFER_BYTES = 32 << 20  # small blocks mean many parallel regions, which cost much on a busy machine
_kept = threading.local()


def can_embed_blocked(ids: Tensor, rows: Tensor, tables: tuple[nn.Module | None, ...]) -> bool:
    """Whether :func:`embed_blocked` may stand in: plain CPU tensors, no gradient, nobody watching."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None:
        return False
    if ids.dim() != 2 or ids.shape[0] < 2 or ids.numel() * rows.shape[-1] < _WORTH_IT or type(ids) is not Tensor:
        return False
    if torch.is_autocast_enabled("cpu"):
        return False
    for module in tables:
        if module is None:
            continue
        plain = type(module) in (nn.Embedding, nn.LayerNorm)
        if not plain or module._forward_hooks or module._forward_pre_hooks:
            return False
        if isinstance(module, nn.Embedding) and (module.max_norm is not None or module.sparse):
            return False
        for parameter in module.parameters():
            if parameter.dtype != rows.dtype or parameter.device.type != "cpu" or type(parameter) is not nn.Parameter:
                return False
    return rows.device.type == "cpu"


def embed_blocked(
    ids: Tensor,
    rows: Tensor,
    token: nn.Embedding,
    norm: nn.LayerNorm,
    types: Tensor | None,
    segment: nn.Embedding | None,
) -> Tensor:
    """Token rows plus ``rows``, plus the segment rows of ``types``, normalised.

    Args:
        ids: ``[batch, seq]``.
        rows: ``[seq, d_model]``, ``[1, seq, d_model]`` or ``[batch, seq, d_model]``.
        token: the token table.
        norm: the LayerNorm.
        types: segment ids, ``[batch, seq]`` or one row of them; left out, every token has type 0.
        segment: the segment table, or ``None``.

    Returns:
        ``[batch, seq, d_model]``.
    """
    ids = as_index(ids)
    batch, seq = ids.shape
    width = rows.shape[-1]
    if segment is not None and types is None:
        rows = rows + segment.weight[0]
    rows = rows.expand(batch, seq, width)
    types = None if types is None else as_index(types).expand(batch, seq)
    parts = 1 if types is None else 2
    size = min(batch, max(1, _BUFFER_BYTES // (parts * seq * width * rows.element_size())))
    buffer = _buffer(parts * size * seq * width, rows.dtype).view(parts, size, seq, width)
    blocks: list[Tensor] = []
    for begin in range(0, batch, size):
        part = slice(begin, begin + size)
        added = rows[part]
        block = buffer[0, : len(added)]
        torch.index_select(token.weight, 0, ids[part].reshape(-1), out=block.view(-1, width))
        if types is not None and segment is not None:
            both = buffer[1, : len(added)]
            torch.index_select(segment.weight, 0, types[part].reshape(-1), out=both.view(-1, width))
            added = both.add_(added)
        block.add_(added)
        blocks.append(F.layer_norm(block, norm.normalized_shape, norm.weight, norm.bias, norm.eps))
    return blocks[0] if len(blocks) == 1 else torch.cat(blocks)


def _buffer(count: int, dtype: torch.dtype) -> Tensor:
    """``count`` numbers of this thread's buffer, which grows to the largest that was asked for."""
    size = count * dtype.itemsize
    buffer: Tensor | None = getattr(_kept, "buffer", None)
    if buffer is None or buffer.numel() < size:
        with torch.inference_mode(False):  # an inference tensor could not be written to outside that mode
            buffer = _kept.buffer = torch.empty(size, dtype=torch.uint8, device="cpu")
    return buffer[:size].view(dtype)
