"""The fused embedding by compiled code on the CPU as a function of autograd."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from posembed.nn.kernels import cpu, reference
from posembed.nn.kernels.kept import KeptGradient
from posembed.nn.kernels.reference import Gradients, Inputs

_TABLES, _IDS = Gradients._fields, ("ids", "position_rows", "types")
# Held while the gradient of a token table is written: two threads may run backward passes of one layer.
_WRITING = threading.Lock()


def fused_embedding(x: Inputs, kept: KeptGradient | None = None) -> Tensor:
    """Return the embedding of every token, without dropout.

    Args:
        x: contiguous tables, float32 or float64, on the CPU.
        kept: memory for the gradient of the token table; ``None`` for fresh memory at each backward pass.
    """
    tables = [getattr(x, name) for name in _TABLES]
    if torch.is_grad_enabled() and any(table is not None and table.requires_grad for table in tables):
        out: Tensor = _Embedding.apply(_with(x, _TABLES), kept, *tables)  # type: ignore[no-untyped-call]
        return out
    return cpu.forward(x)[0]


class _Embedding(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, others: Inputs, kept: KeptGradient | None, *tables: Tensor | None) -> Tensor:
        x = _with(others, _TABLES, tables)
        out, mean, rstd = cpu.forward(x)
        ctx.x, ctx.kept = _with(others, _IDS), kept
        ctx.save_for_backward(mean, rstd, x.ids, x.position_rows, x.types, *tables)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        mean, rstd, ids, position_rows, types, *tables = ctx.saved_tensors
        x = _with(_with(ctx.x, _IDS, (ids, position_rows, types)), _TABLES, tables)
        wanted = ctx.needs_input_grad[2:]
        if _needs_operations(gradient):
            found: list[Tensor | None] = list(reference.backward(gradient, x, wanted))
        else:
            found = _gradients(ctx, gradient, mean, rstd, x, wanted)
        return (None, None, *(each if needed else None for each, needed in zip(found, wanted, strict=True)))


def _with(x: Inputs, names: tuple[str, ...], values: Sequence[Tensor | None] | None = None) -> Inputs:
    """Return inputs with other tensors, or without any."""
    fields: Any = dict.fromkeys(names) if values is None else dict(zip(names, values, strict=True))
    return x._replace(**fields)


def _needs_operations(gradient: Tensor) -> bool:
    """Return whether the backward pass must consist of PyTorch's operations, as that of the reference does.

    A second derivative may follow (``create_graph``), several gradients may be one tensor (``is_grads_batched``), or
    the values may be missing (compiled autograd).
    """
    functorch = torch._C._functorch
    is_batched = functorch.peek_interpreter_stack() is not None or functorch.is_legacy_batchedtensor(gradient)
    return torch.is_grad_enabled() or torch.compiler.is_compiling() or is_batched


def _gradients(ctx: Any, gradient: Tensor, mean: Tensor, rstd: Tensor, x: Inputs, wanted: Any) -> list[Tensor | None]:
    kept: KeptGradient | None = ctx.kept
    if not wanted[0]:
        return list(cpu.backward(gradient, mean, rstd, x, wanted, x.token))
    with _WRITING:
        adds, is_zero = _adds_itself(ctx, x.token), False
        if adds:
            out = x.token.grad
            assert out is not None
        elif kept is not None:
            out, is_zero = kept.lend(x.token)
        else:
            out, is_zero = _untouched(x.token), True
        found = cpu.backward(gradient, mean, rstd, x, wanted, out, add=adds, fill=not (adds or is_zero))
        if adds:
            torch.autograd.graph.increment_version(out)
        if kept is not None:
            kept.wrote(out, x.ids, added=adds)
    return [None, *found[1:]] if adds else list(found)


def _untouched(table: Tensor) -> Tensor:
    """Return zeros like a table, whose memory is touched where it is written alone: NumPy asks the system for it so."""
    return torch.from_numpy(np.zeros(table.shape, cpu.dtype_of(table)))  # zeros_like would fill it


def _adds_itself(ctx: Any, table: Tensor) -> bool:
    """Return whether this pass may add to ``table.grad`` by itself, which spares two passes over the whole table.

    So it is if autograd would do nothing but add to it: a dense gradient is there, the table is a leaf without hooks,
    and this is not ``torch.autograd.grad``, which leaves ``.grad`` alone.
    """
    held = table.grad if table.is_leaf else None
    if held is None or type(held) is not Tensor or held.layout != torch.strided or held.requires_grad:
        return False
    if (held.shape, held.dtype, held.device) != (table.shape, table.dtype, table.device) or not held.is_contiguous():
        return False
    if table._backward_hooks or getattr(table, "_post_accumulate_grad_hooks", None):
        return False
    try:
        return bool(torch._C._will_engine_execute_node(ctx.next_functions[0][0]))
    except RuntimeError:  # its answer for torch.autograd.grad
        return False
