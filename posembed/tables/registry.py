"""The methods by name: which there are for a kind of table, and how a user adds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from numpy.typing import NDArray

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.built_in import BUILT_IN, Direction, Kind, Method
from posembed.tables.methods import keeps_nothing

_REGISTRY: dict[Kind, dict[str, Method]] = {"sequence": {}, "grid": {}}
for _method in BUILT_IN:
    _REGISTRY[_method.kind][_method.name] = _method

#: Every method, as ``METHODS[kind][name]``, kind being ``"sequence"`` or ``"grid"``. ``tile`` is a name of both.
METHODS: Mapping[Kind, Mapping[str, Method]] = MappingProxyType(
    {kind: MappingProxyType(named) for kind, named in _REGISTRY.items()}
)


class FamilyResize(NamedTuple):
    """How a family of image models resizes its own grid: what ``method="auto"`` does for its tables."""

    mode: str
    antialias: bool = False
    align_corners: bool = False


class ResolvedMethod(NamedTuple):
    """A method's name and options, ready for ``extend_table(method=name, **options)``."""

    name: str
    options: dict[str, Any]


def find_method(name: str, layout: TableLayout) -> Method:
    """The method of that name for a table of this layout.

    Raises:
        InvalidArgumentError: for an unknown name, or one of the other kind of table; the allowed ones are listed.
        ArgumentTypeError: for a name that is not a string.
    """
    if not isinstance(name, str):
        raise ArgumentTypeError(f"method={name!r} must be a name, such as 'tile'; register_method gives one a function")
    kind: Kind = "sequence" if layout.grid is None else "grid"
    other: Kind = "grid" if kind == "sequence" else "sequence"
    if name in METHODS[kind]:
        return METHODS[kind][name]
    what = f"a grid of {layout.grid}" if kind == "grid" else f"a sequence of {layout.length} positions"
    why = f"is a {other} method, but the table is {what}" if name in METHODS[other] else "is unknown"
    raise InvalidArgumentError(f"method={name!r} {why}; for a {kind} it must be one of {', '.join(METHODS[kind])}")


def resolve_method(
    method: str, layout: TableLayout, family_resize: tuple[str, bool, bool] | None = None, **options: object
) -> ResolvedMethod:
    """Settle ``"auto"``, and check a method's name and options against the kind of table.

    ``"auto"`` is ``tile`` for a sequence (every old row stays exact, so inputs of the old length give what they
    gave), and for a grid what ``family_resize`` says, or ``bicubic`` without antialiasing, as Transformers' ViT does.

    Args:
        method: a name of :data:`METHODS` for this kind of table, or ``"auto"``.
        layout: what the table's rows mean.
        family_resize: ``(mode, antialias, align_corners)`` of the checkpoint's family; only ``"auto"`` on a grid
            reads it.
        **options: of the method; they win over those of ``family_resize``.

    Raises:
        InvalidArgumentError: for a method or an option that there is not; the allowed ones are listed.

    Example:
        >>> resolve_method("auto", TableLayout(length=512)).name
        'tile'
        >>> resolve_method("auto", TableLayout(grid=(14, 14)), FamilyResize("bilinear", antialias=True))
        ResolvedMethod(name='bilinear', options={'antialias': True, 'align_corners': False})
    """
    given: dict[str, object] = {}
    if method == "auto" and layout.grid is None:
        method = "tile"
    elif method == "auto":
        family = FamilyResize(*family_resize) if family_resize is not None else FamilyResize("bicubic")
        method, switches = family.mode, {"antialias": family.antialias, "align_corners": family.align_corners}
        has = find_method(method, layout).options
        given = {name: value for name, value in switches.items() if value or name in has}
    chosen = find_method(method, layout)
    given |= options
    chosen.check_options(given)
    return ResolvedMethod(chosen.name, given)


def register_method(
    name: str,
    function: Callable[..., NDArray[Any]],
    *,
    exact: str = "nothing",
    formula: str,
    source: str = "",
    kind: Kind = "sequence",
    direction: Direction = "longer",
    kept: Callable[..., NDArray[Any]] | None = None,
    replace: bool = False,
) -> Method:
    """Add a method of your own under a name that ``extend_table`` takes.

    Args:
        name: a new name; a built-in method is never replaced.
        function: ``function(rows, new, **options)``: float rows ``[L, d]`` and the new length N to ``[N, d]``, or
            ``[H, W, d]`` and ``(H', W')`` to ``[H', W', d]``. Keyword-only arguments are the options, named one by one.
        exact: in words, what it keeps exact.
        formula: what it computes, in one line.
        source: where it comes from.
        kind: ``"sequence"`` or ``"grid"``.
        direction: for a sequence, ``"longer"``, ``"shorter"`` or ``"any"``; a grid may always grow and shrink.
        kept: ``kept(old, new, **options)``: the pairs (old row, new row) that are promised bit for bit, which
            ``extend_table`` then checks; ``methods.keeps_old_rows`` is one. Left out, no row is promised.
        replace: put it in the place of a registered method of that name.

    Raises:
        InvalidArgumentError: for a name that is taken, or a function whose options cannot be read.
        ArgumentTypeError: for a function that cannot be called.

    Example:
        >>> import numpy as np
        >>> def backwards(rows, new):
        ...     return np.concatenate((rows, rows[::-1]))[:new]
        >>> register_method("backwards", backwards, formula="P, then P from its end", direction="any").exact
        'nothing'
    """
    if not isinstance(name, str) or not name.strip() or name == "auto":
        raise InvalidArgumentError(f"name={name!r} must be a word other than 'auto'")
    if not callable(function) or not (kept is None or callable(kept)):
        raise ArgumentTypeError(f"function={function!r} and kept={kept!r} must be callable")
    if kind not in get_args(Kind) or direction not in get_args(Direction):
        raise InvalidArgumentError(
            f"kind={kind!r} must be one of {', '.join(get_args(Kind))}, and direction={direction!r} one of "
            f"{', '.join(get_args(Direction))}"
        )
    if METHODS[kind].get(name) in BUILT_IN:
        raise InvalidArgumentError(f"name={name!r} is a built-in {kind} method; choose another name")
    if name in METHODS[kind] and not replace:
        raise InvalidArgumentError(f"name={name!r} is registered already; pass replace=True to put this one there")
    made = Method(name, kind, formula, exact, source, function, kept or keeps_nothing, direction)
    _REGISTRY[kind][name] = made
    return made
