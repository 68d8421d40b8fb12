"""What a method is: its function, the rows it promises, its options and the options worth measuring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.tables.search_space import SearchSpace

Kind = Literal["sequence", "grid"]
Direction = Literal["longer", "shorter", "any"]
REQUIRED = inspect.Parameter.empty
# Arguments of extend_table and its callers, which an option of the same name would hide.
_TAKEN = ("table", "length", "grid", "method", "layout", "family_resize", "old", "new")


@dataclass(frozen=True, slots=True)
class Method:
    """One way to give a table rows for other positions. Reserved, prefix and suffix rows never reach it.

    Args:
        name: what ``extend_table(method=...)`` takes.
        kind: ``"sequence"``: the function maps ``[L, d]`` and N to ``[N, d]``. ``"grid"``: ``[H, W, d]`` and
            ``(H', W')`` to ``[H', W', d]``. Rows are float32, or float64 for a float64 table.
        formula: row t of the new table, of N rows, from the L old ones, P.
        exact: in words, the rows that stay equal bit for bit.
        source: where the method was published.
        function: ``function(rows, new, **options) -> rows``.
        kept: ``kept(old, new, **options)``, the pairs (old row, new row) that are promised exact, ``[n, 2]``; grid
            rows are counted in row-major order.
        direction: the lengths it is for: ``"longer"`` (N ≥ L), ``"shorter"`` (N ≤ L) or ``"any"``.
        search_space: the option settings that a search on validation data measures; ``None`` leaves the method out of
            the search.
        leading: ``leading(old, new, **options)``, the number of first positions that keep their rows; if omitted, it
            follows from ``kept``.
        options: each option's default, read from the function's keyword-only arguments.

    Example:
        >>> from posembed.tables.built_in import BUILT_IN
        >>> next(method for method in BUILT_IN if method.name == "hierarchical").options["alpha"]
        0.4
    """

    name: str
    kind: Kind
    formula: str
    exact: str
    source: str
    function: Callable[..., NDArray[Any]] = field(repr=False)
    kept: Callable[..., NDArray[Any]] = field(repr=False)
    direction: Direction = "any"
    search_space: SearchSpace | None = field(default=None, repr=False)
    leading: Callable[..., int] | None = field(default=None, repr=False)
    options: Mapping[str, object] = field(init=False, hash=False)

    def __post_init__(self) -> None:
        try:
            parameters = list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"the options of method {self.name!r} cannot be read: wrap its function in a def ({error})"
            ) from error
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            raise InvalidArgumentError(f"the function of method {self.name!r} must name its options, not take **")
        options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        if taken := [name for name in options if name in _TAKEN]:
            raise InvalidArgumentError(
                f"method {self.name!r} cannot have an option {taken[0]!r}: the name is an argument already"
            )
        object.__setattr__(self, "options", MappingProxyType(options))

    def check_options(self, options: Mapping[str, object]) -> None:
        """Refuse unknown options, and the absence of a required one.

        Raises:
            InvalidArgumentError: naming the option and the known ones.
        """
        for name in options:
            if name not in self.options:
                known = f"its options are {', '.join(self.options)}" if self.options else "it has none"
                raise InvalidArgumentError(f"method {self.name!r} has no option {name!r}: {known}")
        for name, default in self.options.items():
            if default is REQUIRED and name not in options:
                raise InvalidArgumentError(f"method {self.name!r} needs the option {name!r}")

    def kept_from_start(self, old: int, new: int, **options: object) -> int:
        """Return how many first positions keep their rows bit for bit: inputs of at most that length do not change.

        Args:
            old: positions of the old table, of a sequence.
            new: positions of the new table.
            **options: of the method.

        Example:
            >>> from posembed.tables.registry import METHODS
            >>> METHODS["sequence"]["tile"].kept_from_start(512, 1024, range=128)
            128
        """
        if self.leading is not None:
            return self.leading(old, new, **options)
        pairs = np.asarray(self.kept(old, new, **options)).reshape(-1, 2)
        unmoved = set(pairs[pairs[:, 0] == pairs[:, 1], 1].tolist())
        return next(position for position in range(len(unmoved) + 1) if position not in unmoved)
