"""Choose how TokenPositionEmbedding computes its sum: by its modules, the reference, Triton or the CPU's kernels."""

from __future__ import annotations

import importlib.util
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.nn.inputs import Where
from posembed.nn.kernels.kept import KeptGradient
from posembed.nn.kernels.operator import interpreted
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.observed import is_observed, tables_of

Backend = Literal["auto", "modules", "reference", "triton", "cpu"]
BACKENDS: tuple[Backend, ...] = ("auto", "modules", "reference", "triton", "cpu")
Path = Literal["modules", "reference", "triton", "cpu"]

TRITON_INSTALLED = importlib.util.find_spec("triton") is not None
NUMBA_INSTALLED = importlib.util.find_spec("numba") is not None
INSTALL_CPU = "pip install 'posembed[cpu]'"
_CPU_DTYPES = (torch.float32, torch.float64)
# Elements of the result from which "auto" takes the CPU kernels. Below it they save some 0.05 ms at most, and the
# first call, which loads or compiles them, takes up to 2 s.
CPU_ELEMENTS = 1 << 18
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


def kept_gradient(keep: bool) -> KeptGradient | None:
    """Return memory for a gradient if it is to be kept.

    Raises:
        InvalidArgumentError: if nothing here would use it.
    """
    if keep and not NUMBA_INSTALLED:
        raise InvalidArgumentError(
            f"keep_gradients=True needs the kernels of the CPU, and numba is not installed: {INSTALL_CPU}"
        )
    return KeptGradient() if keep else None


def choose(backend: Backend, parts: Parts, given: Tensor, where: Where, *, small: bool = False) -> Path:
    """Return how an input is embedded.

    * ``"auto"``: on the CPU by the compiled kernels, on CUDA by the Triton kernels, where they can run and nobody could
      tell that no submodule was called; by the modules otherwise, and for small inputs on the CPU.
    * A name: that implementation, or an error that says why it cannot run. There is no fallback.

    Args:
        backend: as given to TokenPositionEmbedding.
        parts: its submodules.
        given: the ``input_ids`` or ``inputs_embeds`` of this call.
        where: the positions of this call.
        small: take the CPU kernels for small inputs, too.

    Raises:
        InvalidArgumentError: if a named backend cannot run.
    """
    device = given.device
    if backend == "modules":
        return "modules"
    if backend == "auto":
        if device.type == "cuda":
            return "modules" if why_not_triton(parts.token, device) or why_not_fused(parts, given, where) else "triton"
        if not NUMBA_INSTALLED or not (small or _is_large(parts.token, given)) or why_not_cpu(parts, given, where):
            return "modules"
        return "cpu"
    if backend == "cpu":
        reason = why_not_cpu(parts, given, where)
    else:
        reason = why_not_fused(parts, given, where)
        if backend == "triton":
            reason = reason or why_not_triton(parts.token, device)
    if reason:
        raise InvalidArgumentError(f"backend={backend!r} cannot run here, because {reason}: use backend='auto'")
    return backend


def _is_large(token: nn.Module, given: Tensor) -> bool:
    table = token.weight
    return isinstance(table, Tensor) and table.dim() == 2 and given.numel() * table.shape[1] >= CPU_ELEMENTS


def why_not_cpu(parts: Parts, given: Tensor, where: Where) -> str:
    """Return why the compiled kernels of the CPU cannot run; an empty text if they can.

    Dropout is left to its module.
    """
    if given.device.type != "cpu":
        return f"the input is on device {given.device}"
    if not NUMBA_INSTALLED:
        return f"numba is not installed ({INSTALL_CPU})"
    if watched := _watched():
        return watched
    if reason := why_not_fused(parts._replace(dropout=None), given, where):
        return reason
    for table in (each for part in parts[:4] if part is not None for each in tables_of(part)):
        assert isinstance(table, Tensor)
        if table.dtype not in _CPU_DTYPES:
            return "the kernels take float32 and float64 tables only"
        if not table.is_contiguous():
            return "a table is not contiguous"
    return ""


def _watched() -> str:
    """Return what would see, or must see, every operation of PyTorch; an empty text if nothing does."""
    if torch.compiler.is_compiling():
        return "torch.compile makes code of its own, of the modules"
    if torch._C._functorch.peek_interpreter_stack() is not None:
        return "a transform of torch.func is active"
    if torch._C._len_torch_dispatch_stack() or torch._C._len_torch_function_stack():
        return "a mode that watches operations is active"
    if torch.autograd.forward_ad._current_level >= 0:
        return "forward-mode differentiation is active"
    return ""


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
