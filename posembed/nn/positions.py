"""Compute 0-based position ids from an attention mask or from packed lengths."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from posembed.errors import InvalidArgumentError
from posembed.nn.checks import assert_here, readable_values, require_count, require_integers, require_mask


def positions_from_mask(attention_mask: Tensor, *, start: int = 0) -> Tensor:
    """Count the real tokens of each row from 0, whichever side the padding is on.

    Args:
        attention_mask: ``[batch, seq]``, 1 for real tokens and 0 for padding; any dtype. It is counted in int64:
            a half-precision running sum loses positions above 256.
        start: the position of each row's first real token.

    Returns:
        int64 ``[batch, seq]``. Padding gets position 0; a module with a row for padding reads that row instead.

    Raises:
        ArgumentTypeError: if the mask is not a dense tensor or ``start`` is not an int.
        InvalidArgumentError: if the mask is not two-dimensional or, where values may be read (always on the CPU),
            holds anything but 0 and 1.

    Example:
        >>> import torch
        >>> positions_from_mask(torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]]))
        tensor([[0, 0, 0, 1, 2],
                [0, 1, 2, 0, 0]])
    """
    check_mask(attention_mask)
    require_count("start", start)
    real = attention_mask.to(torch.int64)
    return (real.cumsum(dim=-1) + (start - 1)) * real


def check_mask(attention_mask: Tensor) -> None:
    """Reject masks that are not ``[batch, seq]`` of 0 and 1."""
    require_mask(attention_mask)
    if attention_mask.dim() != 2:
        raise InvalidArgumentError(
            f"attention_mask has shape {list(attention_mask.shape)}; positions follow from a [batch, seq] mask of "
            "0 and 1, not from an expanded or additive one"
        )
    if attention_mask.dtype == torch.bool:
        return
    advice = (
        "allowed are 1 (token) and 0 (padding). Additive masks must be turned into 0/1 first; document numbers of "
        "packed input belong in cu_seqlens"
    )
    if torch.compiler.is_compiling():
        if assert_here(attention_mask):
            allowed = (attention_mask == 0) | (attention_mask == 1)
            torch._assert_async(allowed.all(), f"attention_mask contains another value than 0 and 1; {advice}")
    elif (values := readable_values(attention_mask)) is not None:
        wrong = (values != 0) & (values != 1)
        if bool(wrong.any()):
            raise InvalidArgumentError(f"attention_mask contains {values[wrong][0].item()}; {advice}")


def positions_from_lengths(cu_seqlens: Tensor, total: int | None = None) -> Tensor:
    """Return the positions of packed sequences: each sequence starts again at 0.

    Packed sequences also need an attention mask that keeps them apart.

    Args:
        cu_seqlens: int ``[sequences + 1]``, the cumulative lengths ``[0, n₁, n₁+n₂, …]``.
        total: number of packed tokens; if given, nothing is read back from an accelerator.

    Returns:
        int64 ``[total]``.

    Raises:
        ArgumentTypeError: if ``cu_seqlens`` is not an integer tensor.
        InvalidArgumentError: if it is not one-dimensional or, where values may be read (always on the CPU), does
            not start at 0, decreases, or does not end at ``total``.

    Example:
        >>> import torch
        >>> positions_from_lengths(torch.tensor([0, 3, 5]))
        tensor([0, 1, 2, 0, 1])
    """
    check_lengths(cu_seqlens, total)
    if total is None:
        total = int(cu_seqlens[-1])
    bounds = cu_seqlens.to(torch.int64)
    starts = torch.repeat_interleave(bounds[:-1], bounds.diff(), output_size=total)
    return torch.arange(total, device=cu_seqlens.device) - starts


def context_parallel_positions(seq: int, rank: int, ranks: int, *, zigzag: bool = False) -> Tensor:
    """Return the positions of one rank's part of a sequence that is divided among ``ranks`` (context parallel).

    They select the rank's tokens, and are its ``position_ids``.

    Args:
        seq: length of the whole sequence, a multiple of ``ranks``, or with ``zigzag`` of ``2 * ranks``.
        rank: number of this rank, from 0.
        ranks: number of ranks that share the sequence.
        zigzag: divide the sequence into ``2 * ranks`` chunks and take chunks ``rank`` and ``2 * ranks - 1 - rank``,
            so that causal attention costs every rank the same, instead of one consecutive part.

    Returns:
        int64 ``[seq / ranks]``, on the CPU.

    Raises:
        ArgumentTypeError: if a number is not a Python int.
        InvalidArgumentError: if ``seq`` cannot be divided, or ``rank`` is not below ``ranks``.

    Source:
        Liu et al. 2023, arXiv:2310.01889 (consecutive); zigzag as in ``torch.distributed.tensor.experimental``'s
        ``context_parallel`` and Megatron-Core.

    Example:
        >>> context_parallel_positions(8, 1, 2)
        tensor([4, 5, 6, 7])
        >>> context_parallel_positions(8, 0, 2, zigzag=True)
        tensor([0, 1, 6, 7])
    """
    require_count("seq", seq)
    require_count("ranks", ranks, minimum=1)
    require_count("rank", rank)
    if rank >= ranks:
        raise InvalidArgumentError(f"rank={rank} must be below ranks={ranks}")
    chunks = 2 * ranks if zigzag else ranks
    if seq % chunks:
        what = f"2 * ranks = {chunks}, because zigzag=True" if zigzag else f"ranks={ranks}"
        raise InvalidArgumentError(f"seq={seq} is not a multiple of {what}: pad the sequence")
    parts = torch.arange(seq).view(chunks, seq // chunks)
    return torch.cat((parts[rank], parts[chunks - 1 - rank])) if zigzag else parts[rank]


def check_lengths(cu_seqlens: Tensor, total: int | None, max_seqlen: int | None = None) -> None:
    """Reject cumulative lengths that do not describe ``total`` packed tokens."""
    require_integers("cu_seqlens", cu_seqlens)
    if cu_seqlens.dim() != 1 or cu_seqlens.shape[0] < 1:
        raise InvalidArgumentError(
            f"cu_seqlens has shape {list(cu_seqlens.shape)}; it must be one-dimensional: [0, n1, n1+n2, …]"
        )
    if total is not None:
        require_count("total", total)
    if max_seqlen is not None:
        require_count("max_seqlen", max_seqlen)
    if torch.compiler.is_compiling():
        if assert_here(cu_seqlens):
            _assert_lengths(cu_seqlens, total, max_seqlen)
        return
    if readable_values(cu_seqlens) is not cu_seqlens:  # not readable, or of many samples at once
        return
    bounds: list[int] = cu_seqlens.tolist()
    lengths = [b - a for a, b in itertools.pairwise(bounds)]
    if bounds[0] != 0 or any(n < 0 for n in lengths):
        raise InvalidArgumentError(
            f"cu_seqlens starts {bounds[:8]}; it must begin with 0 and never decrease: give cumulative lengths, "
            "not lengths"
        )
    if total is not None and bounds[-1] != total:
        raise InvalidArgumentError(f"cu_seqlens ends at {bounds[-1]}, but there are {total} packed tokens")
    if max_seqlen is not None and max(lengths, default=0) > max_seqlen:
        raise InvalidArgumentError(
            f"max_seqlen={max_seqlen} is below the longest sequence in cu_seqlens, {max(lengths)}"
        )


def _assert_lengths(cu_seqlens: Tensor, total: int | None, max_seqlen: int | None) -> None:
    """Put the checks of :func:`check_lengths` into the graph that is being compiled."""
    bounds = cu_seqlens.to(torch.int64)  # in uint8 no difference would be negative
    lengths = bounds.diff()
    torch._assert_async(
        (bounds[0] == 0) & (lengths >= 0).all(),
        "cu_seqlens must begin with 0 and never decrease: give cumulative lengths, not lengths",
    )
    if total is not None:
        torch._assert_async(bounds[-1] == total, "cu_seqlens does not end at the number of packed tokens")
    if max_seqlen is not None:
        torch._assert_async((lengths <= max_seqlen).all(), "max_seqlen is below the longest sequence in cu_seqlens")
