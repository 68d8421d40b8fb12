"""The fused embedding as an operator of PyTorch: ``posembed::fused_embedding`` and its backward.

``torch.compile`` and ``torch.export`` keep it as one call. On the CPU it runs the reference, on CUDA the Triton
kernels; what a graph holds is the same. Second derivatives are taken of the reference.
"""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor

from posembed.nn.kernels import reference
from posembed.nn.kernels.reference import Gradients, Inputs, Wanted

_INPUTS = (
    "Tensor ids, Tensor token, Tensor? position, Tensor? position_rows, SymInt start, Tensor? segment, Tensor? types, "
    "Tensor? weight, Tensor? bias, float eps, float dropout, Tensor? seed, int token_padding, int position_padding"
)
_FORWARD = f"({_INPUTS}) -> (Tensor, Tensor, Tensor)"
_BACKWARD = f"(Tensor gradient, Tensor mean, Tensor rstd, bool[] wanted, {_INPUTS}) -> ({', '.join(['Tensor'] * 5)})"


def interpreted() -> bool:
    """Return whether Triton interprets its kernels, on any device: ``TRITON_INTERPRET=1``, set before its import."""
    return os.environ.get("TRITON_INTERPRET", "") == "1"


def fused_embedding(x: Inputs) -> Tensor:
    """Return what :func:`posembed.nn.kernels.reference.forward` does, by the operator for the device of ``x``."""
    out: Tensor = _forward(*x)[0]
    return out


def _uses_kernels(tensor: Tensor) -> bool:
    return tensor.device.type == "cuda" or interpreted()


def _run_forward(*inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
    x = Inputs(*inputs)
    if _uses_kernels(x.token):
        from posembed.nn.kernels import triton

        return triton.forward(x)
    none = x.token.new_empty(0, dtype=torch.float32)
    return reference.forward(x).contiguous(), none, none.clone()


def _run_backward(gradient: Tensor, mean: Tensor, rstd: Tensor, wanted: Wanted, *inputs: Any) -> Gradients:
    x = Inputs(*inputs)
    if _uses_kernels(x.token):
        from posembed.nn.kernels import triton

        return triton.backward(gradient, mean, rstd, x, wanted)
    return reference.backward(gradient, x, wanted)


_forward = torch.library.custom_op("posembed::fused_embedding", _run_forward, mutates_args=(), schema=_FORWARD)
_backward = torch.library.custom_op(
    "posembed::fused_embedding_backward", _run_backward, mutates_args=(), schema=_BACKWARD
)


@_forward.register_fake
def _fake_forward(*inputs: Any) -> tuple[Tensor, Tensor, Tensor]:
    x = Inputs(*inputs)
    per_token = x.ids.numel() if x.weight is not None and _uses_kernels(x.token) else 0
    mean, rstd = (x.token.new_empty(per_token, dtype=torch.float32) for _ in range(2))
    return x.token.new_empty(*x.ids.shape, x.token.shape[1]), mean, rstd


@_backward.register_fake
def _fake_backward(gradient: Tensor, _mean: Tensor, _rstd: Tensor, wanted: Wanted, *inputs: Any) -> Gradients:
    x = Inputs(*inputs)
    tables = (x.token, x.position, x.segment, x.weight, x.bias)
    return Gradients(
        *(
            gradient.new_empty(0) if table is None or not needed else table.new_empty(table.shape)
            for table, needed in zip(tables, wanted, strict=True)
        )
    )


_TABLES = tuple(Inputs._fields.index(name) for name in Gradients._fields)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(*output[1:])
    ctx.tensors = [isinstance(each, Tensor) for each in inputs]
    ctx.others = [None if isinstance(each, Tensor) else each for each in inputs]
    ctx.save_for_backward(*output[1:], *(each for each in inputs if isinstance(each, Tensor)))


def _differentiate(ctx: Any, gradient: Tensor, _mean: None, _rstd: None) -> tuple[Tensor | None, ...]:
    mean, rstd, *tensors = ctx.saved_tensors
    saved = iter(tensors)
    inputs = [next(saved) if is_tensor else other for is_tensor, other in zip(ctx.tensors, ctx.others, strict=True)]
    wanted = [ctx.needs_input_grad[place] for place in _TABLES]
    if torch.is_grad_enabled():  # create_graph: a second derivative may follow, which only the reference has
        gradients = reference.backward(gradient, Inputs(*inputs), tuple(wanted))
    else:
        gradients = Gradients(*_backward(gradient, mean, rstd, wanted, *inputs))
    result: list[Tensor | None] = [None] * len(inputs)
    for place, needed, table_gradient in zip(_TABLES, wanted, gradients, strict=True):
        if needed:
            result[place] = table_gradient
    return tuple(result)


_forward.register_autograd(_differentiate, setup_context=_save)
