"""Name the sizes that a model takes next to one that it does not."""

from __future__ import annotations

from collections.abc import Sequence


def nearest_sizes(
    sizes: Sequence[int], steps: Sequence[int], *, scale: Sequence[int] | None = None, old: Sequence[int] = ()
) -> str:
    """Say which multiples below and above some sizes can be used; those below are left out where one would be zero.

    Args:
        sizes: the sides of a grid or an image, or one length.
        steps: what each must be a multiple of.
        scale: multiply each by this, such as a patch's pixels.
        old: the sizes that there are already, which are left out too.

    Example:
        >>> nearest_sizes((58, 58), (8, 8)), nearest_sizes((58,), (64,))
        ('use 56 × 56 or 64 × 64', 'use 64')
        >>> nearest_sizes((58, 64), (8, 8), scale=(4, 4))
        'use 224 × 256 or 256 × 256'
    """
    below = [size // step * step for size, step in zip(sizes, steps, strict=True)]
    above = [-(-size // step) * step for size, step in zip(sizes, steps, strict=True)]
    factors = scale or [1] * len(sizes)
    return "use " + " or ".join(
        " × ".join(str(size * factor) for size, factor in zip(each, factors, strict=True))
        for each in (below, above)
        if min(each) > 0 and each != list(old)
    )
