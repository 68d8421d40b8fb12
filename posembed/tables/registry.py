"""The methods by name: which there are for a kind of table, and how a user adds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from numpy.typing import NDArray

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.built_in import BUILT_IN
from posembed.tables.method import Direction, Kind, Method
from posembed.tables.methods.kept_rows import keeps_nothing
from posembed.tables.search_space import SearchSpace

_REGISTRY: dict[Kind, dict[str, Method]] = {kind: {} for kind in get_args(Kind)}
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
    options: dict[str, object]


def find_method(name: str, layout: TableLayout) -> Method:
    """Return the method of that name for a table of this layout.

    Raises:
        InvalidArgumentError: for an unknown name, or one of the other kind of table; the allowed ones are listed.
        ArgumentTypeError: for a name that is not a string.

    Example:
        >>> find_method("tile", TableLayout(grid=(2, 2))).kind
        'grid'
    """
    if not isinstance(name, str):
        raise ArgumentTypeError(f"method={name!r} must be a name, such as 'tile'; register_method gives one a function")
    kind: Kind = "sequence" if layout.grid is None else "grid"
    if name in METHODS[kind]:
        return METHODS[kind][name]
    what = f"a sequence of {layout.length} positions" if layout.grid is None else f"a grid of {layout.grid}"
    others = [other for other, named in METHODS.items() if name in named]
    why = f"is a {others[0]} method, but the table is {what}" if others else "is unknown"
    raise InvalidArgumentError(f"method={name!r} {why}; for a {kind} it must be one of {', '.join(METHODS[kind])}")


def searchable_methods(model: str) -> tuple[Method, ...]:
    """Return the sequence methods that a search may choose for this kind of model, built-in and registered ones.

    Args:
        model: ``"embedding"``, ``"causal"`` or ``"masked"``.

    Example:
        >>> [method.name for method in searchable_methods("causal")]
        ['tile', 'stretch']
    """
    return tuple(
        method
        for method in METHODS["sequence"].values()
        if method.search_space is not None and method.search_space.suits(model)
    )


def resolve_method(
    method: str, layout: TableLayout, family_resize: tuple[str, bool, bool] | None = None, **options: object
) -> ResolvedMethod:
    """Resolve ``"auto"``, and check a method's name and options against the kind of table.

    ``"auto"`` is ``tile`` for a sequence (every old row stays exact, so outputs for inputs of the old length do not
    change), and for a grid what ``family_resize`` says, or ``bicubic`` without antialiasing, as Transformers' ViT does.

    Args:
        method: a name of :data:`METHODS` for this kind of table, or ``"auto"``.
        layout: what the table's rows mean.
        family_resize: ``(mode, antialias, align_corners)`` of the checkpoint's family; only ``"auto"`` on a grid
            reads it.
        **options: of the method; they win over those of ``family_resize``.

    Raises:
        InvalidArgumentError: for an unknown method or option; the allowed ones are listed.

    Example:
        >>> resolve_method("auto", TableLayout(length=512)).name
        'tile'
        >>> resolve_method("auto", TableLayout(grid=(14, 14)), FamilyResize("bilinear", antialias=True))
        ResolvedMethod(name='bilinear', options={'antialias': True, 'align_corners': False})
    """
    settings: dict[str, object] = {}
    if method == "auto" and layout.grid is None:
        method = "tile"
    elif method == "auto":
        family = FamilyResize(*family_resize) if family_resize is not None else FamilyResize("bicubic")
        method, switches = family.mode, {"antialias": family.antialias, "align_corners": family.align_corners}
        has = find_method(method, layout).options
        settings = {name: value for name, value in switches.items() if value or name in has}
    chosen = find_method(method, layout)
    settings |= options
    chosen.check_options(settings)
    return ResolvedMethod(chosen.name, settings)


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
    search_space: SearchSpace | None = None,
    replace: bool = False,
) -> Method:
    """Register a method of your own under a name that ``extend_table`` takes.

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
            ``extend_table`` then checks; ``methods.keeps_old_rows`` is one. If omitted, no row is promised.
        search_space: for a sequence, the option settings that ``posembed extend --data`` measures; if omitted, a
            search does not choose the method.
        replace: replace a registered method of that name.

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
    if not (search_space is None or isinstance(search_space, SearchSpace)):
        raise ArgumentTypeError(f"search_space={search_space!r} must be a SearchSpace")
    registered = Method(name, kind, formula, exact, source, function, kept or keeps_nothing, direction, search_space)
    _REGISTRY[kind][name] = registered
    return registered
