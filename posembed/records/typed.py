"""Does a value fit a field's annotation? One check for what callers pass and for what JSON files hold."""

from __future__ import annotations

import functools
import numbers
import operator
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

_EMPTY_TOO = "may be empty"
#: A file or directory, kept as text; an empty one is refused, for it would be the current directory.
PathText = Annotated[str, "a path"]
#: Likewise, where no text means no file.
PathOrNothing = Annotated[str, "a path", _EMPTY_TOO]
_LONGEST_SHOWN = 120  # characters of a wrong value: enough to recognize it


@dataclass(frozen=True)
class Misfit:
    """Why a value does not fit.

    Attributes:
        value: the value, or the item of it, that is wrong.
        must: what it must be: ``"must be a whole number"``.
        wrong_type: whether no value of its type would fit.
    """

    value: object
    must: str
    wrong_type: bool = True


@functools.cache
def _hints_of(record: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(record, include_extras=True)


def hints_of(record: type) -> Mapping[str, Any]:
    """Return the annotation of each field of a dataclass."""
    return _hints_of(record)


def fit(hint: Any, value: Any) -> Any:
    """Return a value as an annotation asks for it, or a :class:`Misfit`.

    NumPy's numbers become Python's, sequences become tuples where the annotation is one, and paths become text or
    ``Path``. Nothing else is converted: neither ``"3"`` nor ``3.0`` nor ``True`` is the number 3.

    Example:
        >>> fit(int | None, None), fit(int, 3), fit(tuple[int, ...], [1, 2])
        (None, 3, (1, 2))
        >>> fit(int, "3").must
        'must be a whole number'
    """
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _fit_one_of(get_args(hint), value)
    if origin is Literal:
        return _fit_choice(get_args(hint), value)
    if origin is Annotated:
        return _fit_path_text(value, empty_too=_EMPTY_TOO in get_args(hint))
    if origin is tuple or origin is Sequence:
        return _fit_sequence(hint, value)
    if origin is Mapping or origin is dict:
        return _fit_mapping(get_args(hint), value)
    if hint in (Any, object) or not isinstance(hint, type):
        return value  # Any, and what refers to itself, such as JSON
    return _fit_plain(hint, value)


def words_for(hint: Any, *, several: bool = False) -> str:
    """Return what a value of an annotation is called.

    Example:
        >>> words_for(int), words_for(tuple[int, int]), words_for(int | tuple[int, ...] | None)
        ('a whole number', 'two whole numbers', 'a whole number or a sequence of whole numbers')
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(words_for(each) for each in inner if each is not type(None)))
    if origin is Literal:
        choices = ", ".join(map(str, inner))
        return f"names out of {choices}" if several else f"one of {choices}"
    if origin is Annotated or (isinstance(hint, type) and issubclass(hint, os.PathLike)):
        return "paths" if several else "a path"
    if origin is os.PathLike:
        return "a path"
    if (origin is tuple and inner[1:] == (Ellipsis,)) or origin is Sequence:
        return f"a sequence of {words_for(inner[0], several=True)}"
    if origin is tuple:
        return f"{'two' if len(inner) == 2 else len(inner)} {words_for(inner[0], several=True)}"
    if hint in _WORDS:
        return _WORDS[hint][several]
    name = getattr(hint, "__name__", str(hint))
    return f"{name}s" if several else f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def is_path(hint: Any) -> bool:
    """Return whether an annotation asks for a path, kept as text."""
    inner = get_args(hint) if get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return any(get_origin(each) is Annotated and "a path" in get_args(each) for each in inner)


def shown(value: object) -> str:
    """Return a wrong value as a message shows it, at most one line of it."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


_WORDS: Mapping[Any, tuple[str, str]] = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    bool: ("True or False", "True or False"),
}


def _fit_one_of(hints: Sequence[Any], value: Any) -> Any:
    """Return the value as the first alternative that it fits; the nearest misfit where it fits none."""
    if value is None and type(None) in hints:
        return None
    kinds = [each for each in hints if each is not type(None)]
    if any(get_origin(each) is os.PathLike for each in kinds):
        return _fit_path_text(value)
    misfits = []
    for each in kinds:
        fitted = fit(each, value)
        if not isinstance(fitted, Misfit):
            return fitted
        misfits.append(fitted)
    of_value = [misfit for misfit in misfits if not misfit.wrong_type]
    if len(kinds) == 1 or of_value:
        return (of_value or misfits)[0]
    return Misfit(value, f"must be {' or '.join(dict.fromkeys(map(words_for, kinds)))}")


def _fit_choice(choices: Sequence[Any], value: Any) -> Any:
    must = f"must be one of {', '.join(map(str, choices))}"
    known = any(type(value) is type(each) and value == each for each in choices)
    return value if known else Misfit(value, must, wrong_type=not isinstance(value, str))


def _fit_path_text(value: Any, *, empty_too: bool = False) -> Any:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        return Misfit(value, "must be a path")
    return value if value or empty_too else Misfit(value, "must be a path, not empty", wrong_type=False)


def _fit_sequence(hint: Any, value: Any) -> Any:
    inner = get_args(hint)
    open_ended = get_origin(hint) is Sequence or inner[1:] == (Ellipsis,)
    if isinstance(value, str):
        return Misfit(value, f"must be {words_for(hint)}, not one string")
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        return Misfit(value, f"must be {words_for(hint)}")
    try:
        items = list(value)
    except TypeError:  # an array without dimensions says that it can be iterated over
        return Misfit(value, f"must be {words_for(hint)}")
    if not open_ended and len(items) != len(inner):
        return Misfit(value, f"must be {words_for(hint)}")
    fitted = [
        fit(kind, each) for kind, each in zip(inner[:1] * len(items) if open_ended else inner, items, strict=True)
    ]
    wrong = next((each for each in fitted if isinstance(each, Misfit)), None)
    if wrong is not None:
        return wrong if open_ended else Misfit(value, f"must be {words_for(hint)}")
    return tuple(fitted)


def _fit_mapping(hints: Sequence[Any], value: Any) -> Any:
    if not isinstance(value, Mapping):
        return Misfit(value, "must map names to values")
    for name, each in value.items():
        for hint, part in zip(hints, (name, each), strict=True):
            if isinstance(fitted := fit(hint, part), Misfit):
                return fitted
    return value


def _fit_plain(hint: type, value: Any) -> Any:
    if hint is bool:
        truth = isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")  # the names of NumPy's
        return bool(value) if truth else Misfit(value, f"must be {words_for(bool)}")
    if hint is int:
        whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
        return operator.index(value) if whole else Misfit(value, f"must be {words_for(int)}")
    if hint is float:
        return _fit_number(value)
    if hint is str:
        return str(value) if isinstance(value, str) else Misfit(value, f"must be {words_for(str)}")
    if issubclass(hint, os.PathLike):
        text = _fit_path_text(value)
        return text if isinstance(text, Misfit) else value if isinstance(value, hint) else Path(text)
    return value if isinstance(value, hint) else Misfit(value, f"must be {words_for(hint)}")


def _fit_number(value: Any) -> Any:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return Misfit(value, f"must be {words_for(float)}")
    return value if isinstance(value, int) and type(value) is int else float(value)
