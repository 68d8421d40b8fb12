"""Commands from functions: parameters become options, an options record becomes one option for each of its fields.

How a command takes its options record
--------------------------------------

1. Write ``posembed/records/judge.py`` with ``class JudgeOptions(Options)``; the string below a field is its help text.
2. In ``posembed/cli/judge.py`` give the function one parameter of that type, beside what only the command line has::

       @command()
       def judge(checkpoint: Checkpoint, /, options: JudgeOptions, *, as_json: AsJson = False) -> None:
           result = posembed.commands.judge.judge(checkpoint, options)

3. Nothing else: ``length: int | None = None`` is ``--to N`` (``names.py`` has the names that differ), ``bool`` is a
   switch, a ``Literal`` is listed, completed and checked, ``tuple[int, int]`` is ``HxW``, ``tuple[Literal[…], ...]`` is
   names with commas, ``tuple[str, ...]`` an option that may be repeated (``values.py`` reads them). Errors of the
   record and of the library are printed with the options' names.

A field with the metadata ``{"cli": False}`` is not an option; ``@command(aliases={"table_grid": "--grid"})`` gives an
option a second name.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import textwrap
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, TypeVar

from cyclopts import Parameter

from posembed.cli.names import METAVARS, in_options, option_name
from posembed.cli.values import hint_and_parameter
from posembed.records.base import Options

_NO_ALIASES: Mapping[str, str] = MappingProxyType({})
Function = TypeVar("Function", bound=Callable[..., object])


def command(*, aliases: Mapping[str, str] = _NO_ALIASES) -> Callable[[Function], Function]:
    """Make a function a command: ``posembed.cli.app`` can register it, and its ``names`` translate error messages.

    Args:
        aliases: second names of options, by field or parameter.
    """

    def decorate(function: Function) -> Function:
        hints = typing.get_type_hints(function, include_extras=True)
        flat: list[inspect.Parameter] = []
        records: dict[str, type[Options]] = {}
        for parameter in inspect.signature(function).parameters.values():
            hint = hints[parameter.name]
            if isinstance(hint, type) and issubclass(hint, Options):
                records[parameter.name] = hint
                flat += _fields(hint)
            else:
                flat.append(parameter.replace(annotation=hint))
        names = {p.name: p.name.upper() if p.kind is p.POSITIONAL_ONLY else option_name(p.name) for p in flat}

        @functools.wraps(function)
        def call(*positional: object, **keywords: object) -> object:
            for name, record in records.items():
                fields = [f.name for f in dataclasses.fields(record)]
                keywords[name] = record(**{each: keywords.pop(each) for each in fields if each in keywords})
            return function(*positional, **keywords)

        flat.sort(key=lambda p: p.kind)  # positional ones first, as Python has it
        shown = [_option(p, names, aliases) for p in flat]
        call.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        call.__annotations__ = {}
        call.names = names  # type: ignore[attr-defined]
        call.switches = {names[p.name] for p in shown if typing.get_args(p.annotation)[0] is bool}  # type: ignore[attr-defined]
        return typing.cast("Function", call)

    return decorate


def names_of(function: Callable[..., object]) -> Mapping[str, str]:
    """Return the option or positional argument of each Python argument of a command."""
    return getattr(function, "names", {})


def switches_of(function: Callable[..., object]) -> Collection[str]:
    """Return the options of a command that take no value."""
    return getattr(function, "switches", ())


def _fields(record: type[Options]) -> Iterator[inspect.Parameter]:
    hints, helps = typing.get_type_hints(record), field_documentation(record)
    for field in dataclasses.fields(record):
        if not field.metadata.get("cli", True):
            continue
        required = field.default is dataclasses.MISSING
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if required else field.default,
            annotation=Annotated[hints[field.name], Parameter(help=helps.get(field.name, ""))],
        )


def _option(parameter: inspect.Parameter, names: Mapping[str, str], aliases: Mapping[str, str]) -> inspect.Parameter:
    """A parameter with all that the parser must know of it."""
    hint, own = parameter.annotation, []
    if typing.get_origin(hint) is Annotated:
        hint, *own = typing.get_args(hint)
    hint, by_type = hint_and_parameter(hint, parameter.default)
    name = names[parameter.name]
    known = Parameter(
        name=name, alias=aliases.get(parameter.name), allow_repeating=True, json_list=False, json_dict=False
    )
    if parameter.name in METAVARS:
        known = Parameter.combine(known, Parameter(metavar=METAVARS[parameter.name]))
    whole = Parameter.combine(by_type, known, *own)
    shown = Parameter(help=in_options((whole.help or "").replace("``", "`"), names))
    return parameter.replace(annotation=Annotated[hint, Parameter.combine(whole, shown)])


def field_documentation(record: type) -> Mapping[str, str]:
    """Return the string below each field of a dataclass and of those that it derives from.

    Example:
        >>> from posembed.layout import TableLayout
        >>> field_documentation(TableLayout)
        {}
    """
    found: dict[str, str] = {}
    for each in reversed(record.__mro__):
        if dataclasses.is_dataclass(each):
            body = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0]
            assert isinstance(body, ast.ClassDef)
            for field, below in zip(body.body, body.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and _is_string(below):
                    text = below.value.value  # type: ignore[attr-defined]
                    found[field.target.id] = " ".join(text.split())
    return found


def _is_string(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
