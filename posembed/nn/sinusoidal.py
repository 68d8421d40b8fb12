"""The fixed sinusoidal encoding, in its three published variants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.nn.checks import (
    check_position_values,
    plain_count,
    readable_values,
    refuse_start,
    require_count,
    require_dense,
    require_device,
    require_float_dtype,
)

Variant = Literal["interleaved", "half", "fairseq"]
_ANY_LENGTH = 2**53  # whole numbers stay exact in float64 up to here


def sinusoidal_rows(
    positions: Tensor, d_model: int, *, variant: Variant = "interleaved", base: float = 10000.0
) -> Tensor:
    """Compute the sinusoidal rows of ``positions`` in float64 (float32 on devices without it).

    * ``interleaved``: columns 2i and 2i + 1 are sin and cos of ``p / base^(2i / d_model)`` (Vaswani et al. 2017,
      section 3.5, arXiv:1706.03762).
    * ``half``: with h = d_model // 2, column i is the sine and column h + i the cosine of ``p / base^(i / h)``.
    * ``fairseq``: the same with the exponent ``i / (h − 1)`` (facebookresearch/fairseq,
      sinusoidal_positional_embedding.py; also tensor2tensor).

    An odd width drops the last cosine (``interleaved``) or ends with a zero column (the other two).

    Args:
        positions: numbers ``[...]``, 0-based.
        d_model: width of a row.
        variant: which published formula.
        base: the longest wavelength is about ``2π · base``.

    Returns:
        ``[..., d_model]``, in float64 where the device has it.

    Raises:
        ArgumentTypeError: if ``positions`` is not a dense tensor of real numbers.
        InvalidArgumentError: for another variant, or a width or base that is not positive.

    Example:
        >>> sinusoidal_rows(torch.tensor([0]), 4).tolist()
        [[0.0, 1.0, 0.0, 1.0]]
        >>> sinusoidal_rows(torch.tensor([0]), 4, variant="half").tolist()
        [[0.0, 0.0, 1.0, 1.0]]
    """
    if not isinstance(positions, Tensor) or positions.dtype == torch.bool or positions.dtype.is_complex:
        got = positions.dtype if isinstance(positions, Tensor) else type(positions).__name__
        raise ArgumentTypeError(f"positions must be a tensor of integers or floating-point numbers, got {got}")
    require_dense("positions", positions)
    require_count("d_model", d_model, minimum=1)
    _check_formula(variant, base)
    exact = torch.float32 if positions.device.type == "mps" else torch.float64
    half = (d_model + 1) // 2 if variant == "interleaved" else d_model // 2
    steps = torch.arange(half, device=positions.device, dtype=exact)
    match variant:
        case "interleaved":
            exponents = 2 * steps / d_model
        case "half":
            exponents = steps / max(half, 1)
        case "fairseq":
            exponents = steps / max(half - 1, 1)
    angles = positions.to(exact)[..., None] / torch.pow(base, exponents)
    if variant == "interleaved":
        return torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(-2)[..., :d_model]
    rows = torch.cat((angles.sin(), angles.cos()), dim=-1)
    return rows if d_model % 2 == 0 else torch.nn.functional.pad(rows, (0, 1))


def _check_formula(variant: str, base: float) -> None:
    if variant not in get_args(Variant):
        raise InvalidArgumentError(f"variant={variant!r} must be one of {', '.join(get_args(Variant))}")
    if not base > 0:
        raise InvalidArgumentError(f"base={base} must be above 0")


class SinusoidalPositionalEmbedding(nn.Module):
    """The fixed sinusoidal encoding: no parameters, any length.

    Rows are computed in float64 (float32 on devices without it) and cast once, whatever the module's dtype:
    computed in bfloat16, only 641 of 2048 positions would stay distinct. Moving the module to another dtype
    recomputes them, so that no rounding is carried over.

    Args:
        max_len: number of cached rows; longer inputs are computed on demand.
        d_model: width of a row.
        variant: ``"interleaved"``, ``"half"`` or ``"fairseq"``, see :func:`posembed.nn.sinusoidal.sinusoidal_rows`.
        base: base of the geometric series of wavelengths.
        device: device of the cached rows.
        dtype: dtype of the rows that are returned.

    Shapes:
        ``pe(n, start=0)`` gives ``[n, d_model]``; ``pe(positions)`` with integers ``[...]`` gives
        ``[..., d_model]``.

    Example:
        >>> pe = SinusoidalPositionalEmbedding(512, 768)
        >>> sum(p.numel() for p in pe.parameters()), pe(2, start=100_000).shape
        (0, torch.Size([2, 768]))
    """

    cached: Tensor

    def __init__(
        self,
        max_len: int,
        d_model: int,
        *,
        variant: Variant = "interleaved",
        base: float = 10000.0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        require_count("max_len", max_len)
        require_count("d_model", d_model, minimum=1)
        _check_formula(variant, base)
        require_float_dtype(dtype)
        self.max_len = max_len
        self.d_model = d_model
        self.variant: Variant = variant
        self.base = base
        self.register_buffer("cached", torch.empty(0, d_model, device=device, dtype=dtype), persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Recompute the cached rows (nothing is random)."""
        positions = torch.arange(self.max_len, device=self.cached.device)
        self.cached = self._compute(positions)

    def _apply(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> SinusoidalPositionalEmbedding:
        super()._apply(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        self.reset_parameters()  # a cast buffer would keep the rounding of its old dtype
        return self

    @property
    def usable_length(self) -> None:
        """``None``: there is no limit."""
        return

    def forward(self, positions: int | Tensor, start: int = 0) -> Tensor:
        """Return rows by position: for a count ``n`` (with ``start``), or for a tensor of positions."""
        positions = plain_count(positions)
        if isinstance(positions, Tensor):
            refuse_start(start)
            return self._gather(positions)
        require_count("positions", positions)
        require_count("start", start)
        if start + positions <= self.max_len:
            return self.cached.narrow(0, start, positions).clone()  # a slice would let callers change the cache
        return self._compute(torch.arange(start, start + positions, device=self.cached.device))

    def _gather(self, positions: Tensor) -> Tensor:
        check_position_values(positions, _ANY_LENGTH, 0)
        require_device("positions", positions, self.cached.device, "the module")
        if positions.device.type == "cpu" and not torch.compiler.is_compiling():
            values = readable_values(positions)
            if values is not None and int(values.max()) < self.max_len:
                return self.cached[positions.to(torch.int64)]
        return self._compute(positions)  # elsewhere, reading the largest position would make the host wait

    def _compute(self, positions: Tensor) -> Tensor:
        rows = sinusoidal_rows(positions, self.d_model, variant=self.variant, base=self.base)
        return rows.to(self.cached.dtype)

    def extra_repr(self) -> str:
        """Return the constructor arguments that give this encoding."""
        text = f"{self.max_len}, {self.d_model}"
        if self.variant != "interleaved":
            text += f", variant={self.variant!r}"
        if self.base != 10000.0:
            text += f", base={self.base}"
        return text
