"""Checks of the numbers that methods take as options."""

from __future__ import annotations

import operator

import numpy as np

from posembed.errors import ArgumentTypeError, InvalidArgumentError


def whole(name: str, value: object, least: int) -> int:
    """Return the value as an ``int`` of at least ``least``.

    Raises:
        ArgumentTypeError: for a value that is not a whole number.
        InvalidArgumentError: for one below ``least``.

    Example:
        >>> whole("keep", np.int64(3), 0)
        3
    """
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise ArgumentTypeError(f"{name}={value!r} must be a whole number, at least {least}")
    if number < least:
        raise InvalidArgumentError(f"{name}={number} must be at least {least}")
    return number


def old_rows(name: str, value: int | None, least: int, old: int) -> int:
    """Return a number of the table's ``old`` rows; all of them for ``None``.

    Raises:
        InvalidArgumentError: for a number below ``least`` or above ``old``.

    Example:
        >>> old_rows("range", None, 1, 512), old_rows("range", 128, 1, 512)
        (512, 128)
    """
    count = old if value is None else whole(name, value, least)
    if count > old:
        raise InvalidArgumentError(f"{name}={count} is above the table's {old} positions; leave it out for all of them")
    return count
