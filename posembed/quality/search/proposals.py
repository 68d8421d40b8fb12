"""Words for a proposal: a method's name with its options."""

from __future__ import annotations

from collections.abc import Mapping


def described(method: str, options: Mapping[str, object]) -> str:
    """Return a method with its options.

    Example:
        >>> described("mean", {"range": 160, "keep": 1}), described("tile", {})
        ('mean (range 160, keep 1)', 'tile')
    """
    words = ", ".join(f"{name} {value}" for name, value in options.items())
    return f"{method} ({words})" if words else method


def forced(method: str, options: Mapping[str, object]) -> str:
    """Return the arguments that extend by a method all the same.

    Example:
        >>> forced("mean", {"range": 160, "keep": 1})
        "method='mean', range=160, keep=1"
    """
    return ", ".join([f"method={method!r}", *(f"{name}={value!r}" for name, value in options.items())])
