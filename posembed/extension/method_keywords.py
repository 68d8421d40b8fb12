"""Refuse a mistyped keyword, which would otherwise be taken for an option of a registered method."""

from __future__ import annotations

import dataclasses
import difflib

from posembed.errors import ArgumentTypeError
from posembed.records.extend import SizeOptions
from posembed.tables.registry import METHODS


def refuse_unknown_keywords(options: SizeOptions) -> None:
    """Refuse keywords that are neither options of the call nor of any method.

    Raises:
        ArgumentTypeError: naming the keyword and the nearest known one.

    Example:
        >>> from posembed.records.extend import PlanOptions
        >>> refuse_unknown_keywords(PlanOptions.of(None, {"length": 8, "methd": "tile"}))
        Traceback (most recent call last):
        ...
        posembed.errors.ArgumentTypeError: there is no option 'methd'; did you mean 'method'?
    """
    of_methods = {name for named in METHODS.values() for method in named.values() for name in method.options}
    known = [each.name for each in dataclasses.fields(options) if each.name != "method_options"]
    for name in options.method_options:
        if name in of_methods:
            continue
        near = difflib.get_close_matches(name, sorted({*known, *of_methods}), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the options are {', '.join(known)}, and those of a method"
        raise ArgumentTypeError(f"there is no option {name!r}; {hint}")
