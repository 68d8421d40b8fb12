"""What each built-in method computes, where it comes from and what it keeps exact: a class and a table of data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from numpy.typing import NDArray

from posembed.errors import InvalidArgumentError
from posembed.tables import methods, resample

Kind = Literal["sequence", "grid"]
Direction = Literal["longer", "shorter", "any"]
REQUIRED = inspect.Parameter.empty
_TAKEN = ("table", "length", "grid", "method", "layout", "family_resize", "old", "new")


@dataclass(frozen=True, slots=True)
class Method:
    """One way to give a table rows for other positions; reserved, prefix and suffix rows are never its business.

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
        options: each option's default, read from the function's keyword-only arguments.

    Example:
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
    options: Mapping[str, Any] = field(init=False, hash=False)

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
        """Refuse options that the method has not, and the lack of one that it needs.

        Raises:
            InvalidArgumentError: naming the option and those that there are.
        """
        for name in options:
            if name not in self.options:
                known = f"its options are {', '.join(self.options)}" if self.options else "it has none"
                raise InvalidArgumentError(f"method {self.name!r} has no option {name!r}: {known}")
        for name, default in self.options.items():
            if default is REQUIRED and name not in options:
                raise InvalidArgumentError(f"method {self.name!r} needs the option {name!r}")


_LONGEMBED = "LongEmbed: Zhu et al. 2024, arXiv:2404.12096"
_LONGFORMER = "Longformer: Beltagy et al. 2020, arXiv:2004.05150"
_GROUPED, _GROUPED_KEPT = methods.copying(methods.grouped_index)
_LAST, _LAST_KEPT = methods.copying(methods.last_index)
_GRID_TILE, _GRID_TILE_KEPT = resample.copying_grid(methods.tile_index)
_NEAREST, _NEAREST_KEPT = resample.copying_grid(resample.nearest_index)

#: The methods that come with the library. L old rows P, N new ones; t counts the new ones from 0.
BUILT_IN: tuple[Method, ...] = (
    Method(
        "linear",
        "sequence",
        "linear between the neighbours of the point t·(L − 1)/(N − 1)",
        "rows whose point is a whole number; the first and the last always",
        _LONGEMBED,
        methods.linear,
        methods.keeps_whole_steps,
        "longer",
    ),
    Method(
        "cubic",
        "sequence",
        "a not-a-knot cubic spline through each dimension, at the points of linear",
        "rows whose point is a whole number; the first and the last always",
        "scipy.interpolate.CubicSpline",
        methods.cubic,
        methods.keeps_whole_steps,
        "longer",
    ),
    Method(
        "tile",
        "sequence",
        "P[t mod range]",
        "every row below range: all are copies",
        _LONGFORMER,
        methods.tile,
        methods.keeps_tile,
        "longer",
    ),
    Method(
        "grouped",
        "sequence",
        "P[t ÷ ⌈N/L⌉]",
        "every row: all are copies",
        _LONGEMBED,
        _GROUPED,
        _GROUPED_KEPT,
        "longer",
    ),
    Method(
        "hierarchical",
        "sequence",
        "α·u[t ÷ L] + (1 − α)·u[t mod L], u = (P − α·P[0])/(1 − α), N ≤ L²",
        "every old row",
        "Su 2020, kexue.fm/archives/7947",
        methods.hierarchical,
        methods.keeps_hierarchical,
        "longer",
    ),
    Method(
        "stretch",
        "sequence",
        "P[:keep], then rows keep … range − 1 interpolated (kernel linear or cubic) to N − keep rows, or to ratio "
        "times their number and repeated",
        "the first keep rows; of the others, those whose point is a whole number",
        "after Long-CLIP: Zhang et al. 2024, arXiv:2403.15378 (keep = 20; steps of exactly 1/4 and a few rows "
        "extrapolated at the end, where this one ends on the last row used)",
        methods.stretch,
        methods.keeps_stretch,
        "longer",
    ),
    Method(
        "repeat-last",
        "sequence",
        "P[min(t, L − 1)]",
        "every row: all are copies",
        "control",
        _LAST,
        _LAST_KEPT,
        "longer",
    ),
    Method(
        "mean",
        "sequence",
        "P[:keep], then the mean of P[:range], again and again",
        "the first keep rows; by default every old row",
        "control; with one row kept, measured by this project",
        methods.mean,
        methods.keeps_mean,
        "longer",
    ),
    Method(
        "zeros",
        "sequence",
        "P, then zeros",
        "every old row",
        "control",
        methods.zeros,
        methods.keeps_old_rows,
        "longer",
    ),
    Method(
        "random",
        "sequence",
        "P, then normal rows with the mean and standard deviation of all numbers of P",
        "every old row",
        f"control: the floor in {_LONGFORMER}",
        methods.random,
        methods.keeps_random,
        "longer",
    ),
    Method(
        "crop",
        "sequence",
        "P[:N], N ≤ L",
        "every row: all are copies",
        "nanoGPT's crop_block_size",
        _LAST,
        _LAST_KEPT,
        "shorter",
    ),
    Method(
        "bicubic",
        "grid",
        "each axis by Keys's cubic kernel, a = −0.75, or −0.5 with antialias; as torch's interpolate",
        "nothing but the same grid",
        "ViT: Dosovitskiy et al. 2021, arXiv:2010.11929; timm with antialias, Transformers without",
        resample.bicubic,
        resample.keeps_same_grid,
    ),
    Method(
        "bilinear",
        "grid",
        "each axis linear between the neighbours, or a widened triangle with antialias; as torch's interpolate",
        "nothing but the same grid",
        "ViT's first code, with align_corners: Dosovitskiy et al. 2021, arXiv:2010.11929",
        resample.bilinear,
        resample.keeps_same_grid,
    ),
    Method(
        "nearest",
        "grid",
        "P[⌊y·H/H'⌋, ⌊x·W/W'⌋]",
        "every row: all are copies",
        "control",
        _NEAREST,
        _NEAREST_KEPT,
    ),
    Method(
        "tile",
        "grid",
        "P[y mod H, x mod W]",
        "every row: all are copies",
        "SAM 3's image encoder in Transformers, at run time",
        _GRID_TILE,
        _GRID_TILE_KEPT,
    ),
)
