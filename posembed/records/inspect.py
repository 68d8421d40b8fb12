"""Options of ``inspect_checkpoint`` and ``compare_checkpoints``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from posembed.errors import InvalidArgumentError
from posembed.records.base import Options, require_distinct
from posembed.records.override import Override, override_of

Depth = Literal["brief", "full", "views"]
"""How much of a table is measured: what a terminal shows, every measure, or also the data of the charts."""


@dataclass(frozen=True, kw_only=True)
class InspectOptions(Options):
    """The options of ``inspect_checkpoint``."""

    tables: tuple[str, ...] | None = None
    """Show only these tensors (names in the file)."""
    override: Override | None = field(default=None, metadata={"cli": False})
    """Description of one table that replaces what is inferred."""
    reserved: int | None = None
    """With one table selected (`tables`): number of rows before position 0."""
    prefix: int | None = None
    """With one table selected (`tables`): number of rows of extra tokens before the positions."""
    table_grid: tuple[int, int] | None = None
    """With one table selected (`tables`): its grid, as height x width."""
    values: bool = True
    """Measure the tables; without, read headers and configuration only."""
    run: bool = False
    """Run the model, and show what it does when positions move: up to which position it works."""
    data: str | None = None
    """With `run`: texts to read: a file, a directory or stdlib, prose of Python's standard library (default)."""
    seed: int = 0
    """With `run`: random seed of the permuted positions, of hidden tokens and of images."""
    device: str = "auto"
    """With `run`: device that runs the model: auto (a GPU if there is one), cpu, cuda, cuda:1, mps."""
    depth: Depth = field(default="full", metadata={"cli": False})
    """What to measure: brief (what a terminal shows), full, or views (also the data of the charts)."""

    def __post_init__(self) -> None:
        """Check the names."""
        if isinstance(self.tables, str):
            object.__setattr__(self, "tables", (self.tables,))
        super().__post_init__()
        require_distinct("tables", self.tables or ())
        _ = self.described
        if self.seed < 0:
            raise InvalidArgumentError(f"seed={self.seed} must not be negative")
        if self.data is not None and not self.run:
            raise InvalidArgumentError("`data` is read only where the model is run: set run=True")

    @property
    def described(self) -> Override | None:
        """What the caller says about one table, from ``override`` or from the single options."""
        if self.override is not None:
            return self.override
        return override_of(self.tables, reserved=self.reserved, prefix=self.prefix, table_grid=self.table_grid)
