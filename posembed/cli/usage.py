"""Turn the parser's errors into one sentence that says what is wrong and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Literal, get_args, get_origin

from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
    ValidationError,
)

from posembed.errors import InvalidArgumentError, PosembedError

_SWITCH = "is a switch and takes no value"


def sentence(error: CycloptsError, commands: Iterable[str]) -> str:
    """Return the sentence for an error of the parser; ``commands`` are the names of all commands."""
    called = " ".join(error.command_chain or ())
    if isinstance(error, UnknownOptionError):
        return _unknown_option(error, called)
    if isinstance(error, UnknownCommandError):
        assert error.unused_tokens
        return _unknown_command(error.unused_tokens[0], list(commands))
    if isinstance(error, UnusedCliTokensError):
        assert error.unused_tokens
        return f"{called} takes no further argument {error.unused_tokens[0]!r}; see posembed {called} --help"
    if isinstance(error, MissingArgumentError):
        return _missing(error, called)
    if isinstance(error, CoercionError | ValidationError):
        return _wrong_value(error)
    return " ".join(str(error).split())


def refuse_values_of_switches(words: Sequence[str], switches: Collection[str]) -> None:
    """Refuse ``--json=1``, which the parser would take for ``--json``.

    Raises:
        InvalidArgumentError: naming the switch.
    """
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            return
        if equals and name.replace("--no-", "--", 1) in switches:
            raise InvalidArgumentError(f"{name} {value!r} {_SWITCH}")


def _unknown_option(error: UnknownOptionError, called: str) -> str:
    word = error.token.keyword or error.token.value
    known = [name for argument in error.argument_collection for name in argument.names if name.startswith("-")]
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"posembed {called} --help lists the options"
    return f"{called} has no option {word}; {hint}"


def _unknown_command(word: str, commands: list[str]) -> str:
    if word.startswith("-"):
        return f"there is no option {word}; posembed --help lists the commands"
    near = difflib.get_close_matches(word, commands, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(commands)}"
    return f"there is no command {word!r}; {hint}"


def _missing(error: MissingArgumentError, called: str) -> str:
    argument = error.argument
    assert argument is not None
    if error.keyword is None and not argument.tokens:
        what = argument.name if argument.name.startswith("-") else f"the argument {argument.name}"
        return f"{called} needs {what}; see posembed {called} --help"
    name = error.keyword or argument.name
    return f"{name} needs a value{_allowed(argument.hint)}"


def _wrong_value(error: CoercionError | ValidationError) -> str:
    argument = error.argument
    tokens = list(argument.tokens) if argument is not None else []
    token = getattr(error, "token", None) or (tokens[-1] if tokens else None)
    name = (token.keyword if token is not None else None) or (argument.name if argument is not None else "the call")
    value = f" {token.value!r}" if token is not None else ""
    if isinstance(error.__cause__, PosembedError):
        return f"{name}{value} {error.__cause__}"
    target = getattr(error, "target_type", None)
    if target is bool:
        return f"{name}{value} {_SWITCH}"
    choices = [str(each) for each in get_args(target)] if get_origin(target) is Literal else []
    if choices:
        near = difflib.get_close_matches(token.value if token is not None else "", choices, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{name}{value} must be one of {', '.join(choices)}{hint}"
    return f"{name}{value} cannot be read{_allowed(target)}"


def _allowed(hint: Any) -> str:
    for each in (hint, *get_args(hint)):
        if get_origin(each) is Literal:
            return f", one of {', '.join(map(str, get_args(each)))}"
    return ""
