"""Values of options: how one is read from a word, how it is completed, and how its help names it."""

from __future__ import annotations

import inspect
import os
import re
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from cyclopts import Parameter, Token

from posembed.errors import InvalidArgumentError

_SIZE = re.compile(r"(\d{1,6})[x×](\d{1,6})", re.IGNORECASE)
_PIXELS = re.compile(r"\d{1,6}")


def whole_number(word: str) -> int:
    """Read a whole number.

    Example:
        >>> whole_number("-12")
        -12
    """
    try:
        return int(word)
    except ValueError:
        raise InvalidArgumentError("must be a whole number") from None


def number(word: str) -> float:
    """Read a number; ``nan`` and ``inf`` are numbers here, whoever asks for the value refuses them."""
    try:
        return float(word)
    except ValueError:
        raise InvalidArgumentError("must be a number") from None


def size(word: str) -> tuple[int, int]:
    """Read height and width in patches.

    Example:
        >>> size("14x20"), size("6×6")
        ((14, 20), (6, 6))
    """
    match = _SIZE.fullmatch(word.strip())
    if match is None or min(int(match[1]), int(match[2])) < 1:
        raise InvalidArgumentError("must be HEIGHTxWIDTH in patches, such as 24x24")
    return int(match[1]), int(match[2])


def pixels(word: str) -> int | tuple[int, int]:
    """Read the side of square images in pixels, or their height and width.

    Example:
        >>> pixels("384"), pixels("384x512")
        (384, (384, 512))
    """
    if _PIXELS.fullmatch(word.strip()) and int(word) > 0:
        return int(word)
    match = _SIZE.fullmatch(word.strip())
    if match is None or min(int(match[1]), int(match[2])) < 1:
        raise InvalidArgumentError("must be pixels, such as 384 or 384x512 (height x width)")
    return int(match[1]), int(match[2])


def whole_numbers(word: str) -> tuple[int, ...]:
    """Read whole numbers with commas between them.

    Example:
        >>> whole_numbers("512, 1024")
        (512, 1024)
    """
    words = word.split(",")
    if not all(each.strip().isdecimal() for each in words):
        raise InvalidArgumentError("must be whole numbers with commas, such as 512,1024")
    return tuple(int(each) for each in words)


def names_of(choices: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Return a reader of names with commas between them.

    Example:
        >>> names_of(["rope", "alibi"])("alibi,rope")
        ('alibi', 'rope')
    """

    def read(word: str) -> tuple[str, ...]:
        words = tuple(each.strip() for each in word.split(",") if each.strip())
        unknown = [each for each in words if each not in choices]
        if unknown or not words:
            wrong = f"has the unknown name {unknown[0]!r}" if unknown else "is empty"
            raise InvalidArgumentError(f"{wrong}; choose from {', '.join(choices)}, with commas between")
        return words

    return read


def completer_of(choices: Sequence[str]) -> Callable[[Any], list[str]]:
    """Return a shell completer of names with commas between them: it completes the last one."""

    def complete(context: Any) -> list[str]:
        begun, comma, _ = str(context.incomplete).rpartition(",")
        taken = begun.split(",")
        return [f"{begun}{comma}{each}" for each in choices if each not in taken]

    return complete


def path(word: str) -> Path:
    """Read a path; an empty word, such as a variable of the shell that is not set, would be the current directory.

    Example:
        >>> path("runs/first").name
        'first'
    """
    if not word:
        raise InvalidArgumentError("must be a path, not empty")
    return Path(word)


def path_or_address(word: str) -> Path | str:
    """Read a path, or an address as it stands: a path would make ``s3:/bucket`` of ``s3://bucket``.

    Example:
        >>> path_or_address("s3://bucket/model"), path_or_address("runs/first").name
        ('s3://bucket/model', 'first')
    """
    # A path would drop the dot as well, which says that a word is no name of a hub.
    return word if ("://" in word or word.startswith("./")) and not os.path.lexists(word) else path(word)


def hint_and_parameter(hint: Any, default: object) -> tuple[Any, Parameter]:
    """Return the type that the parser sees, and how the option is read, completed and shown.

    Both are judged by the annotation and the default alone.
    """
    inner = _alternatives(hint)
    if inner == [bool]:
        # A switch that is off has no second name: --no-resume would say what is so anyhow.
        off = () if default is False else None
        return bool, Parameter(negative=off, show_default=default is True)
    for kinds, read, metavar in _READERS:
        if set(inner) == kinds:
            return str, _read_by(read, metavar, default)
    (only,) = inner if len(inner) == 1 else (None,)
    if get_origin(only) is tuple and get_args(only)[1:] == (Ellipsis,):
        return _several(get_args(only)[0], default)
    if str in inner and os.PathLike[str] in inner:
        # The type stays a path's, which shells complete with the names of files.
        return Path, Parameter(converter=_only_word(path_or_address), n_tokens=1, show_default=False)
    if os.PathLike[str] in inner or inner == [Path]:
        # The type stays a path's, which shells complete with the names of files.
        return Path, Parameter(converter=_only_word(path), n_tokens=1, show_default=False)
    listed = [each for each in inner if get_origin(each) is Literal]  # ``MethodName | str``: here, one of the names
    # Without ``None``, which the parser would read the words "none" and "null" as: they may be a file's name.
    return listed[0] if listed else inner[0] if len(inner) == 1 else hint, Parameter(show_default=_has(default))


_READERS: tuple[tuple[set[Any], Callable[[str], object], str], ...] = (
    ({int}, whole_number, "N"),
    ({float}, number, "X"),
    ({tuple[int, int]}, size, "HxW"),
    ({int, tuple[int, int]}, pixels, "PX"),
    ({tuple[int, ...]}, whole_numbers, "N,N,…"),
)


def _several(item: Any, default: Any) -> tuple[Any, Parameter]:
    if get_origin(item) is Literal:
        choices = get_args(item)
        completed = Parameter(completer=completer_of(choices), negative=())
        return tuple[item, ...], Parameter.combine(_read_by(names_of(choices), "NAME,…", default), completed)
    return tuple[item, ...], Parameter(negative=(), consume_multiple=False, show_default=_has(default))


def _only_word(read: Callable[[str], object]) -> Callable[[Any, Sequence[Token]], object]:
    return lambda _hint, tokens: read(tokens[-1].value)


def _read_by(read: Callable[[str], object], metavar: str, default: Any) -> Parameter:
    joined = ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return Parameter(
        converter=_only_word(read), metavar=metavar, show_default=joined if _has(default) else False, n_tokens=1
    )


def _has(default: object) -> bool:
    return default not in (None, "", (), inspect.Parameter.empty)


def _alternatives(hint: Any) -> list[Any]:
    """The types that an annotation allows, ``None`` left out."""
    several = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return [each for each in several if each is not type(None)]
