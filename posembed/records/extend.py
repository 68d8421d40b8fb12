"""Options of ``extend_checkpoint``, ``plan_extension`` and ``extend_model``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.records.base import Options, require_distinct
from posembed.records.check import CheckLevel
from posembed.records.override import Override, override_of
from posembed.records.typed import PathText

MethodName = Literal[
    "auto",
    "linear",
    "cubic",
    "tile",
    "grouped",
    "hierarchical",
    "stretch",
    "repeat-last",
    "mean",
    "zeros",
    "random",
    "crop",
    "sinusoid",
    "bicubic",
    "bilinear",
    "nearest",
]
"""The built-in methods, for sequences and for grids; registered ones have names of their own."""
Verify = Literal["sampled", "full"]
Kernel = Literal["linear", "cubic"]
METHOD_OPTIONS = ("keep", "range", "kernel", "ratio", "alpha", "seed", "antialias", "align_corners")
"""Options of the built-in methods, in the order in which a record lists them."""

MOST_POSITIONS = 2**31 - 1
"""More are a mistyped number, with which NumPy fails in words of its own."""
_LEAST = {"keep": 0, "range": 1, "ratio": 1, "seed": 0}
_NOT_ON_THE_COMMAND_LINE = {"cli": False}


@dataclass(frozen=True, kw_only=True)
class SizeOptions(Options):
    """Which tables change, to which size, and by which method."""

    length: int | Sequence[int] | None = None
    """Usable positions of every sequence table."""
    grid: tuple[int, int] | None = None
    """Patches of every image table, as height x width."""
    image_size: int | tuple[int, int] | None = None
    """Image size in pixels: one number, or height x width."""
    method: MethodName | str = "auto"
    """Extension method."""
    tables: tuple[str, ...] | None = None
    """Change only these tensors (names in the file)."""
    override: Override | None = field(default=None, metadata=_NOT_ON_THE_COMMAND_LINE)
    """Description of one table that replaces what is inferred."""
    reserved: int | None = None
    """With one table selected (`tables`): number of rows before position 0, as they are now."""
    prefix: int | None = None
    """With one table selected (`tables`): number of rows of extra tokens before the positions, as they are now."""
    table_grid: tuple[int, int] | None = None
    """With one table selected (`tables`): its grid as it is now, as height x width."""
    keep: int | None = None
    """stretch, mean: number of leading positions whose rows stay unchanged."""
    range: int | None = None
    """stretch, tile, mean: number of leading rows to use (those that were trained)."""
    kernel: Kernel | None = None
    """stretch: interpolation kernel."""
    ratio: int | None = None
    """stretch: interpolate the rows to RATIO times their number, then tile (default: stretch to the full length)."""
    alpha: float | None = None
    """hierarchical: weight of the coarse position, between 0 and 1."""
    seed: int | None = None
    """random: random seed of the new rows."""
    antialias: bool | None = None
    """bicubic, bilinear: filter when shrinking."""
    align_corners: bool | None = None
    """bicubic, bilinear: align the corner points of both grids, as torch.nn.functional.interpolate does."""
    method_options: Mapping[str, object] = field(default_factory=dict, hash=False, metadata=_NOT_ON_THE_COMMAND_LINE)
    """Further options, of a method that you registered."""

    @classmethod
    def of(cls, options: Self | None, keywords: Mapping[str, Any]) -> Self:
        """Return ``options``, or a record of the keywords; those that are no field are options of the method.

        Raises:
            ArgumentTypeError: if both a record and keywords are given.
        """
        names = {f.name for f in dataclasses.fields(cls)}
        if options is None:
            own = {name: value for name, value in keywords.items() if name not in names}
            keywords = {name: value for name, value in keywords.items() if name in names}
            if own:
                keywords = {**keywords, "method_options": {**keywords.get("method_options", {}), **own}}
        elif any(name not in names for name in keywords):
            raise ArgumentTypeError(f"give either options or keywords, not both: {', '.join(keywords)}")
        return super().of(options, keywords)

    def __post_init__(self) -> None:
        """Check the sizes and the names, before any file is opened."""
        if isinstance(self.tables, str):
            object.__setattr__(self, "tables", (self.tables,))
        super().__post_init__()
        given = [name for name in ("length", "grid", "image_size") if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(f"`{name}`" for name in given) or "none of them"
            raise InvalidArgumentError(f"exactly one of `length`, `grid` and `image_size` must be given, got {got}")
        if isinstance(self.length, int) and self.length < 1:
            raise InvalidArgumentError(f"length={self.length!r} must be a whole number of usable positions, at least 1")
        for name in given:
            _refuse_mistyped(name, getattr(self, name))
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InvalidArgumentError(f"{name}={value} must be at least {least}")
        require_distinct("tables", self.tables or ())
        _ = self.described

    @property
    def described(self) -> Override | None:
        """What the caller says about one table, from ``override`` or from the single options."""
        if self.override is not None:
            return self.override
        return override_of(self.tables, reserved=self.reserved, prefix=self.prefix, table_grid=self.table_grid)

    @property
    def for_method(self) -> dict[str, object]:
        """The options of the method that are set."""
        own = {name: getattr(self, name) for name in METHOD_OPTIONS}
        return {name: value for name, value in own.items() if value is not None} | dict(self.method_options)


@dataclass(frozen=True, kw_only=True)
class PlanOptions(SizeOptions):
    """The options of ``plan_extension``."""

    length: int | None = None
    """Usable positions of every sequence table."""


@dataclass(frozen=True, kw_only=True)
class ExtendOptions(PlanOptions):
    """The options of ``extend_checkpoint`` and of ``posembed extend``."""

    data: PathText | None = None
    """Choose the method on validation texts: stdlib, a text file or a directory (with `length` and method auto).
    Nothing is written if the model without a longer table serves as well."""
    corpus: PathText | None = None
    """Choose the method by your own queries (embedding models): corpus.jsonl, or a folder with corpus.jsonl,
    queries.jsonl and qrels/test.tsv."""
    queries: PathText | None = None
    """Your own queries: queries.jsonl. By default the one in the folder of corpus."""
    qrels: PathText | None = None
    """Which documents answer which query: a table with tabs. By default qrels/test.tsv in the folder of corpus."""
    device: str = "auto"
    """With `data` or `corpus`: device that runs the model: auto (a GPU if there is one), cpu, cuda, cuda:1, mps."""
    length_aware: bool = False
    """Also write length-aware tables, which leave short inputs unchanged."""
    dry_run: bool = False
    """Print the plan and write nothing."""
    force: bool = False
    """Replace an existing target."""
    link: bool = False
    """Hard-link unchanged files instead of copying them."""
    verify: Verify = "sampled"
    """Compare samples of the copied bytes afterwards, or all of them."""
    trust_remote_code: bool = False
    """Run Python code from the checkpoint's folder, where `data`, `corpus` or `length_aware` loads a model that needs
    it. Such code can do whatever you can."""
    check: CheckLevel = "auto"
    """Before the copy is put in place, let its library build the model and compare every shape (load; auto, where the
    library is installed and loads the source), or load and run it at the old and the new size (run)."""

    def __post_init__(self) -> None:
        """Check what goes together."""
        super().__post_init__()
        chosen = self.method != "auto" or self.length is None or self.tables is not None or self.for_method
        given = next((name for name in ("data", "corpus") if getattr(self, name) is not None), None)
        if given is not None and chosen:
            raise InvalidArgumentError(
                f"`{given}` chooses the method: give `length` and method='auto', and neither `tables` nor options of a "
                "method"
            )
        lone = next((name for name in ("queries", "qrels") if getattr(self, name) is not None), None)
        if lone is not None and self.corpus is None:
            raise InvalidArgumentError(f"`{lone}` goes with `corpus`: name the documents too")

    @property
    def chooses(self) -> bool:
        """Whether the method is chosen by measuring."""
        return self.data is not None or self.corpus is not None


@dataclass(frozen=True, kw_only=True)
class ModelOptions(SizeOptions):
    """The options of ``extend_model``."""

    method: MethodName | str = "linear"
    """Extension method."""
    length_aware: bool = False
    """Read the old table for inputs that fit it, so that they stay unchanged."""


def with_length(length: object, keywords: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return keywords with a length that was given by position."""
    return keywords if length is None else {"length": length, **keywords}


def _refuse_mistyped(name: str, size: object) -> None:
    sides = size if isinstance(size, Sequence) and not isinstance(size, str) else (size,)
    if any(isinstance(side, int) and side > MOST_POSITIONS for side in sides):
        raise InvalidArgumentError(f"{name}={_shown(size)} must be at most {MOST_POSITIONS}")


def _shown(size: object) -> str:
    """Return a size as it is given, or how long it is: Python refuses to print numbers of thousands of digits."""
    try:
        return str(size)
    except ValueError:
        return "of thousands of digits"
