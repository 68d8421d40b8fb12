"""Choose how TokenPositionEmbedding computes its sum: by its modules, by the reference, or by the Triton kernels."""

from __future__ import annotations

import importlib.util
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.nn.inputs import Where
from posembed.nn.kernels.operator import interpreted
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.observed import is_observed, tables_of

Backend = Literal["auto", "reference", "triton", "cpu"]
BACKENDS: tuple[Backend, ...] = ("auto", "reference", "triton", "cpu")
Path = Literal["modules", "reference", "triton"]

TRITON_INSTALLED = importlib.util.find_spec("triton") is not None
_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
# A program holds a whole row in registers. At this width the compiler already moves some of them to memory.
_WIDEST = 16384
# Ampere: the first generation with bfloat16, and the oldest that current versions of Triton support well.
_OLDEST_CAPABILITY = 8


class Parts(NamedTuple):
    """The submodules of a TokenPositionEmbedding."""

    token: nn.Module
    position: nn.Module | None
    segment: nn.Module | None
    norm: nn.Module | None
    dropout: nn.Module | None


def check_backend(backend: str | None) -> Backend:
    """Return the backend, ``"auto"`` for ``None``; reject a name that is none."""
    for known in BACKENDS:
        if backend in (known, None):
            return known
    raise InvalidArgumentError(f"backend={backend!r} must be one of {', '.join(BACKENDS)}, or None for auto")


def choose(backend: Backend, parts: Parts, given: Tensor, where: Where) -> Path:
    """Return how an input is embedded.

    * ``"auto"``: by the modules on the CPU. On CUDA by the Triton kernels where they can run and nobody could tell
      that no submodule was called; by the modules otherwise.
    * A name: that implementation, or an error that says why it cannot run. There is no fallback.

    Args:
        backend: as given to TokenPositionEmbedding.
        parts: its submodules.
        given: the ``input_ids`` or ``inputs_embeds`` of this call.
        where: the positions of this call.

    Raises:
        InvalidArgumentError: if a named backend cannot run.
    """
    device = given.device
    if backend == "auto":
        if device.type != "cuda" or why_not_triton(parts.token, device) or why_not_fused(parts, given, where):
            return "modules"
        return "triton"
    if backend == "cpu":
        reason = "" if device.type == "cpu" else f"the input is on device {device}"
    else:
        reason = why_not_fused(parts, given, where)
        if backend == "triton":
            reason = reason or why_not_triton(parts.token, device)
    if reason:
        raise InvalidArgumentError(f"backend={backend!r} cannot run here, because {reason}: use backend='auto'")
    return "modules" if backend == "cpu" else backend


def why_not_triton(token: nn.Module, device: torch.device) -> str:
    """Return why the Triton kernels cannot run on this device, dtype and width; an empty text if they can."""
    table = token.weight
    if not TRITON_INSTALLED:
        return "triton is not installed (pip install 'posembed[triton]')"
    if not interpreted():
        if device.type != "cuda":
            return f"Triton needs a CUDA device and the input is on {device}"
        if not _is_supported(device):
            return "Triton needs an NVIDIA GPU of compute capability 8.0 or newer"
    if not isinstance(table, Tensor) or table.dtype not in _DTYPES:
        return "the kernels take float32, float16 and bfloat16 tables only"
    if table.shape[1] > _WIDEST:
        return f"d_model={table.shape[1]} exceeds {_WIDEST}, the widest row that the kernels hold"
    if torch._C._functorch.get_dynamic_layer_stack_depth() > 0:
        return "a transform of torch.func is active"
    return ""


def _is_supported(device: torch.device) -> bool:
    # get_device_properties, and not get_device_capability: torch.compile knows its result as a constant.
    return torch.version.cuda is not None and torch.cuda.get_device_properties(device).major >= _OLDEST_CAPABILITY


def why_not_fused(parts: Parts, given: Tensor, where: Where) -> str:
    """Return why the modules must be called, instead of reading their tables; an empty text if they need not be."""
    if given.is_floating_point():
        return "inputs_embeds are given, not input_ids"
    tables: list[Tensor] = []
    for name, module in parts._asdict().items():
        if module is None:
            continue
        kind = _KINDS[name]
        if is_observed(module, kind):
            return f"{name} is not a plain {kind.__name__}, has hooks, or is parametrized"
        if _does_more(module) or (name == "segment" and module.padding_idx is not None):
            return f"{name} has an option that only calling it respects"
        tables += [table for table in tables_of(module) if isinstance(table, Tensor)]
    ids = [given] if where.ids is None else [given, where.ids]
    if len({tensor.device for tensor in (*tables, *ids)}) > 1:
        return "not all tables are on the device of the input"
    if len({table.shape[-1] for table in tables}) > 1:
        return "not all tables have the same width"
    dtypes = {table.dtype for table in tables}
    if len(dtypes) > 1:
        return f"the tables have several dtypes ({', '.join(sorted(map(str, dtypes)))})"
    if dtypes & {torch.float16, torch.bfloat16} and torch.is_autocast_enabled(given.device.type):
        return "autocast is on, which computes the LayerNorm of half-precision tables in float32"
    return ""


_KINDS: dict[str, type[nn.Module]] = {
    "token": nn.Embedding,
    "position": LearnedPositionalEmbedding,
    "segment": nn.Embedding,
    "norm": nn.LayerNorm,
    "dropout": nn.Dropout,
}


def _does_more(module: nn.Module) -> bool:
    """Return whether a plain module has options that the fused operator does not have."""
    match module:
        case nn.Embedding():
            return module.max_norm is not None or module.scale_grad_by_freq or module.sparse
        case nn.LayerNorm():
            return module.weight is None or len(module.normalized_shape) != 1
        case nn.Dropout():
            return not 0 <= module.p < 1
        case _:
            return False
