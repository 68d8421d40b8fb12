"""The base of options and results: frozen dataclasses that become plain JSON values and are read back from them."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import types
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar, get_args, get_origin

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.typed import Misfit, fit, hints_of, shown

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
JsonObject = dict[str, Json]
Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True)
class Record:
    """A frozen dataclass that knows how it is written as JSON.

    A field's name is its JSON key, unless its metadata gives another (``field(metadata={"json": "from"})``). A field
    with the metadata ``{"omit_none": True}`` is left out of the JSON while it is ``None``; one with ``{"json": None}``
    always.
    """

    def to_dict(self) -> JsonObject:
        """Return plain values, ready for ``json.dumps``."""
        plain: JsonObject = {}
        for each in dataclasses.fields(self):
            name, value = each.metadata.get("json", each.name), getattr(self, each.name)
            if name is None or (value is None and each.metadata.get("omit_none")):
                continue
            plain[name] = _plain(value)
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the record that :meth:`to_dict` wrote.

        Raises:
            InvalidArgumentError: for an unknown or missing key, or a value of another type.
        """
        if not isinstance(values, Mapping):
            raise InvalidArgumentError(
                f"not a {cls.__name__} of this version: {shown(values)} is not an object with keys"
            )
        hints = hints_of(cls)
        known = {f.metadata.get("json", f.name): f for f in dataclasses.fields(cls) if f.init}
        unknown = sorted(set(values) - set(known))
        required = {name for name, f in known.items() if _required(f)}
        missing = sorted(name for name in required - set(values) if not known[name].metadata.get("omit_none"))
        if unknown or missing:
            faults = [
                f"{word} {', '.join(map(str, names))}"
                for word, names in (("unknown", unknown), ("without", missing))
                if names
            ]
            raise InvalidArgumentError(f"not a {cls.__name__} of this version: {'; '.join(faults)}")
        read = {known[name].name: _read(hints[known[name].name], value) for name, value in values.items()}
        for name, value in read.items():
            if isinstance(wrong := fit(hints[name], value), Misfit):
                raise InvalidArgumentError(
                    f"not a {cls.__name__} of this version: {name!r} holds {shown(wrong.value)}, which {wrong.must}"
                )
        return cls(**{known[name].name: None for name in required - set(values)} | read)


@dataclass(frozen=True, kw_only=True)
class Options(Record):
    """The options of one command: its Python keywords, its command-line options and what a record on disk stores.

    The string below each field is its documentation, in Python and in ``--help``. A field's annotation is what its
    value must fit; a subclass that checks more calls ``super().__post_init__()`` first.
    """

    def __post_init__(self) -> None:
        """Refuse values that do not fit their annotations; NumPy's numbers and lists are taken for Python's.

        Raises:
            ArgumentTypeError: for a value of another type.
            InvalidArgumentError: for another value: not one of the choices, not a number, an empty path.
        """
        require_types(self)

    @classmethod
    def of(cls, options: Self | None, keywords: Mapping[str, Any]) -> Self:
        """Return ``options``, or those of the keywords that a caller gave.

        Raises:
            ArgumentTypeError: for an unknown keyword, a missing one, or both a record and keywords.
        """
        names = [f.name for f in dataclasses.fields(cls)]
        unknown = [name for name in keywords if name not in names]
        if unknown:
            near = difflib.get_close_matches(str(unknown[0]), names, n=1)
            hint = f"did you mean {near[0]!r}? The" if near else "the"
            raise ArgumentTypeError(f"there is no option {unknown[0]!r}; {hint} options are {', '.join(names)}")
        if options is not None:
            if not isinstance(options, cls):
                raise ArgumentTypeError(f"options={options!r} must be {cls.__name__}(...)")
            if keywords:
                raise ArgumentTypeError(f"give either options or keywords, not both: {', '.join(keywords)}")
            return options
        if lacking := [f.name for f in dataclasses.fields(cls) if _required(f) and f.name not in keywords]:
            raise ArgumentTypeError(f"the option {lacking[0]!r} is required")
        return cls(**keywords)


def require_types(record: Record) -> None:
    """Make every field of a record what its annotation says.

    Raises:
        ArgumentTypeError: for a value of another type.
        InvalidArgumentError: for another value: not one of the choices, not a number, an empty path.
    """
    hints = hints_of(type(record))
    for each in dataclasses.fields(record):
        value = getattr(record, each.name)
        fitted = fit(hints[each.name], value)
        if isinstance(fitted, float) and math.isnan(fitted):
            fitted = Misfit(value, "must be a number", wrong_type=False)
        if isinstance(fitted, Misfit):
            whole = fitted.value is value
            what = f"{each.name}={shown(value)}" if whole else f"`{each.name}`: {shown(fitted.value)}"
            raise (ArgumentTypeError if fitted.wrong_type else InvalidArgumentError)(f"{what} {fitted.must}")
        if fitted is not value:
            object.__setattr__(record, each.name, fitted)


def require_distinct(name: str, values: Sequence[object]) -> None:
    """Refuse a sequence that names something twice, which would do the work twice or count it double.

    Raises:
        InvalidArgumentError: naming what is there twice.
    """
    twice = next((each for place, each in enumerate(values) if each in values[:place]), None)
    if twice is not None:
        raise InvalidArgumentError(f"`{name}` contains {twice!r} twice")


class Result(Record):
    """What a command returns. Read its attributes; as a mapping (``result["cells"]``) it still works and warns."""

    def _repr_html_(self) -> str:
        from posembed.report.html.renderers import render  # the renderer, when a notebook asks for it

        return render(self)

    def _mapping(self) -> JsonObject:
        warnings.warn(
            f"{type(self).__name__} is a record since 0.2: read its attributes, or call to_dict() for plain values",
            DeprecationWarning,
            stacklevel=3,
        )
        return self.to_dict()

    def __getitem__(self, name: str) -> Any:
        return self._mapping()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._mapping()

    def __iter__(self) -> Iterator[str]:
        return iter(self._mapping())

    def keys(self) -> Any:
        """Return the keys of :meth:`to_dict`; deprecated."""
        return self._mapping().keys()

    def values(self) -> Any:
        """Return the values of :meth:`to_dict`; deprecated."""
        return self._mapping().values()

    def items(self) -> Any:
        """Return the items of :meth:`to_dict`; deprecated."""
        return self._mapping().items()

    def __len__(self) -> int:
        return len(self._mapping())

    def get(self, name: str, default: Any = None) -> Any:
        """Return one value of :meth:`to_dict`; deprecated."""
        return self._mapping().get(name, default)

    def __bool__(self) -> bool:  # a mapping without keys would be false; a result never is
        return True


def takes(options: type[Options]) -> Callable[[Function], Function]:
    """Show a function's options in its signature: ``f(path, options=None, **keywords)`` accepts an Options' fields.

    Example:
        >>> @dataclass(frozen=True, kw_only=True)
        ... class Sizes(Options):
        ...     width: int = 4
        >>> @takes(Sizes)
        ... def area(height: int, options: Sizes | None = None, **keywords: Any) -> int:
        ...     return height * Sizes.of(options, keywords).width
        >>> area(2, width=3), area(2, Sizes(width=5)), "width" in inspect.signature(area).parameters
        (6, 10, True)
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        named = {p.name for p in own}  # an option that may also be given by position
        more = [
            inspect.Parameter(
                f.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=_default(f),
                annotation=f.type,
            )
            for f in dataclasses.fields(options)
            if f.name not in named
        ]
        function.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        return function

    return decorate


def _default(each: dataclasses.Field[Any]) -> Any:
    """Return a field's default as a signature shows it."""
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    return inspect.Parameter.empty if _required(each) else each.default


def _required(each: dataclasses.Field[Any]) -> bool:
    return each.default is each.default_factory is dataclasses.MISSING


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def _read(hint: Any, value: Any) -> Any:
    """A JSON value as the type that a field asks for: records, tuples, mappings with whole numbers as keys."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is typing.Annotated:
        return value
    if origin in (typing.Union, types.UnionType):
        kinds = [kind for kind in inner if kind is not type(None)]
        return None if value is None else _read(kinds[0], value) if len(kinds) == 1 else value
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_dict(value)
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [inner[0]] * len(value) if inner[1:] == (Ellipsis,) else list(inner)
        # Of another length it is left as it is, and found not to fit.
        return tuple(map(_read, kinds, value)) if len(kinds) == len(value) else value
    if origin in (dict, Mapping) and isinstance(value, Mapping):
        return {_number_of(name) if inner[0] is int else name: _read(inner[1], each) for name, each in value.items()}
    return Path(value) if hint is Path and isinstance(value, str) else value


def _number_of(name: str) -> int | str:
    """A key of a JSON object as the whole number that it stands for, or as it is where it stands for none."""
    return int(name) if name.removeprefix("-").isdecimal() else name


def require_schema(values: Mapping[str, Any], schema: str, version: int) -> None:
    """Refuse a document of another schema, or of another version of it.

    Raises:
        InvalidArgumentError: naming what the document says and what can be read.
    """
    found = values.get("schema"), values.get("schema_version")
    if found != (schema, version):
        raise InvalidArgumentError(
            f"schema={found[0]!r} of schema_version={found[1]!r} is not {schema!r} of version {version}"
        )
