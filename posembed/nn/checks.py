"""Check positions and ids: when the values inside a tensor are read, and which errors follow.

A bound that follows from shapes is always checked with plain Python integers: it costs nothing and needs no device.
For the values *inside* a tensor:

* on the CPU they are always checked;
* on an accelerator reading them makes the host wait for the device, so it is off unless
  :func:`posembed.check_positions` or the environment variable ``POSEMBED_CHECK_POSITIONS=1`` switches it on;
* under ``torch.compile`` and ``torch.export`` the check becomes an assertion inside the graph
  (``aten._assert_async``), under the same two rules.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError

_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)

_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
_get_dispatch_mode, _PROXY = torch._C._get_dispatch_mode, torch._C._TorchDispatchModeKey.PROXY

# A plain global, not a ContextVar: torch.compile can read it inside a graph, and recompiles when it changes.
_enabled: bool = os.environ.get("POSEMBED_CHECK_POSITIONS", "") not in ("", "0")


@contextmanager
def check_positions(enabled: bool = True) -> Iterator[None]:
    """Check position values on accelerators inside a ``with`` block (or stop checking them).

    Each check makes the host wait for the device, so use it to find a fault, not in training. It applies to all threads
    of the process. Setting ``POSEMBED_CHECK_POSITIONS=1`` in the environment enables it for the whole process. On the
    CPU, values are always checked.

    Args:
        enabled: whether values on accelerators are checked.

    Example:
        >>> with check_positions():
        ...     pass  # model(...).backward() on the GPU
    """
    global _enabled
    before, _enabled = _enabled, enabled
    try:
        yield
    finally:
        _enabled = before


def readable_values(tensor: Tensor, *, anywhere: bool = False) -> Tensor | None:
    """Return ``tensor`` if its values may be read now to check them, else ``None``.

    Inside ``torch.vmap``, ``torch.func.grad`` and the like, the tensor below the wrappers is returned: a value in it is
    an id of some sample, but its shape is not that of ``tensor``.

    Args:
        tensor: whose values are wanted.
        anywhere: read them on accelerators too, whatever :func:`posembed.check_positions` says.
    """
    while _is_wrapped(tensor):
        if torch._C._functorch.is_functionaltensor(tensor):
            return None
        tensor = torch._C._functorch.get_unwrapped(tensor)
    if hasattr(tensor, "to_local"):  # a DTensor: each process checks its own part
        tensor = tensor.to_local()
    if tensor.numel() == 0 or tensor.is_meta or isinstance(tensor, FakeTensor):
        return None
    if _get_dispatch_mode(_PROXY) is not None:  # make_fx, torch.func.linearize
        return None
    return tensor if anywhere or assert_here(tensor) else None


def assert_here(tensor: Tensor) -> bool:
    """Return whether values on the device of ``tensor`` are checked; under ``torch.compile``, by an assertion."""
    return tensor.device.type == "cpu" or _enabled


def require_device(name: str, ids: Tensor, device: torch.device, what: str) -> None:
    """Reject ids on another device than ``what``: beside the meta device PyTorch would read memory without values."""
    if ids.device != device:
        remedy = f"move {name} to it" if device.type != "meta" else "give it values first: to_empty, then its weights"
        raise InvalidArgumentError(f"{name} is on device {ids.device}, but {what} is on {device}: {remedy}")


def require_integers(name: str, tensor: Tensor) -> None:
    """Reject ids that are not integers, instead of letting a cast round them."""
    if not isinstance(tensor, Tensor):
        raise ArgumentTypeError(f"{name} must be an integer tensor, got {type(tensor).__name__}")
    if tensor.dtype not in _INTEGERS:
        raise ArgumentTypeError(
            f"{name} has dtype {tensor.dtype}; ids must be integers (torch.int64): convert them with .long() "
            "after checking that no value is rounded"
        )
    require_dense(name, tensor)


def require_dense(name: str, tensor: Tensor) -> None:
    """Reject sparse and nested tensors, which few of PyTorch's operators take."""
    if tensor.is_nested or tensor.layout != torch.strided:
        kind = "a nested" if tensor.is_nested else f"a {tensor.layout}"
        raise ArgumentTypeError(
            f"{name} is {kind} tensor; it must be dense: pad it, or pack it and give its lengths as cu_seqlens"
        )


def require_mask(mask: Tensor) -> None:
    """Reject attention masks that are no dense tensors of real numbers."""
    if not isinstance(mask, Tensor):
        raise ArgumentTypeError(f"attention_mask must be a tensor, got {type(mask).__name__}")
    if mask.dtype.is_complex:
        raise ArgumentTypeError(f"attention_mask has dtype {mask.dtype}; it must be bool, an integer or floating-point")
    require_dense("attention_mask", mask)


def require_count(name: str, value: object, *, minimum: int = 0) -> None:
    """Reject anything but a whole number of at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, (int, torch.SymInt)):
        raise ArgumentTypeError(
            f"{name} must be a Python int, got {type(value).__name__}"
            + (": reading a tensor would make the host wait for the device" if isinstance(value, Tensor) else "")
        )
    if value < minimum:
        raise InvalidArgumentError(f"{name}={value} must be at least {minimum}")


def refuse_start(start: object) -> None:
    """Reject a first position beside a tensor of positions."""
    if not isinstance(start, (int, torch.SymInt)) or start != 0:
        given = f"={start}" if isinstance(start, (int, float)) else f", a {type(start).__name__},"
        raise InvalidArgumentError(f"start{given} goes with a number of positions, not with a tensor of them")


def require_float_dtype(dtype: torch.dtype | None) -> None:
    """Reject a dtype that no table can have; ``None`` means PyTorch's default."""
    if dtype is not None and not dtype.is_floating_point:
        raise InvalidArgumentError(f"dtype={dtype} must be a floating-point type")


def plain_count(positions: int | Tensor) -> int | Tensor:
    """Return a count as an int: inside torch.jit.trace a size arrives as a 0-d tensor, which is not a position."""
    if isinstance(positions, Tensor) and positions.dim() == 0 and torch._C._get_tracing_state() is not None:
        return int(positions)
    return positions


def check_ids(name: str, ids: Tensor, rows: int, what: str) -> None:
    """Check every id of ``ids`` against ``[0, rows)`` where values may be read (see the module docstring)."""
    require_integers(name, ids)
    if torch.compiler.is_compiling():
        if assert_here(ids):
            torch._assert_async(((ids >= 0) & (ids < rows)).all(), f"{name} outside [0, {rows}): {what}")
    elif (values := readable_values(ids)) is not None:
        low, high = (int(v) for v in torch.aminmax(values))
        if low < 0 or high >= rows:
            raise PositionOutOfRangeError(
                f"{name} contains {low if low < 0 else high}, but allowed are 0 to {rows - 1}: {what}"
            )


def out_of_range_text(position: object, rows: int, reserved: int, usable: int) -> str:
    """Return the error message for a position without a row."""
    return (
        f"position {position} has no row: the table has {rows} rows, {reserved} of them reserved, so its usable "
        f"length is {usable} (positions 0 to {usable - 1}). Truncate the input to {usable} tokens, or give the "
        "table more rows: posembed.extend_table for an array, extend_model for a live model, "
        "`posembed extend` for a checkpoint"
    )


def check_last_position(length: int, rows: int, reserved: int) -> None:
    """Raise unless positions ``0 … length − 1`` all have rows. Integers only: no device is touched."""
    if length > rows - reserved:
        raise PositionOutOfRangeError(out_of_range_text(length - 1, rows, reserved, rows - reserved))


def check_position_values(positions: Tensor, rows: int, reserved: int) -> None:
    """Raise unless every value of ``positions`` has a row, where values may be read."""
    require_integers("positions", positions)
    usable = rows - reserved
    if torch.compiler.is_compiling():
        if assert_here(positions):
            torch._assert_async(
                ((positions >= 0) & (positions < usable)).all(),
                f"a position is outside 0 to {usable - 1}: the table has {rows} rows, {reserved} of them reserved, "
                f"so its usable length is {usable}; truncate the input or extend the table",
            )
    elif (values := readable_values(positions)) is not None:
        low, high = (int(v) for v in torch.aminmax(values))
        if low < 0:
            raise PositionOutOfRangeError(
                f"position {low} is negative: positions count from 0, and row = reserved ({reserved}) + position; "
                f"allowed are 0 to {usable - 1}. Ids that already include the reserved rows (RoBERTa, OPT) "
                f"need {reserved} subtracted; mark padding with attention_mask"
            )
        if high >= usable:
            raise PositionOutOfRangeError(out_of_range_text(high, rows, reserved, usable))
