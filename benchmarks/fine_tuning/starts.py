"""What fine-tuning begins from: a table of 1,024 rows by each method, a calibrated one, or documents that are cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posembed.extension.live import extend_in_place
from posembed.hardware import resolve_precision
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.embedding import load_embedder

ROWS = 1024


@dataclass(frozen=True)
class Models:
    """Where the two checkpoints are.

    Attributes:
        shipped: the model as shipped.
        calibrated: what ``posembed calibrate`` made of it, length-aware.
    """

    shipped: Path
    calibrated: Path

    def load(self, path: Path) -> Embedder:
        """Return a loaded model, in bf16 where the processor has it."""
        return load_embedder(path, precision=resolve_precision("auto", "cpu"))


@dataclass(frozen=True)
class Start:
    """The model as shipped, its table extended or not.

    Attributes:
        name: in the results.
        reads: tokens of a document that are read, special ones included.
        method: that extends the table; empty for the table as it is.
        options: of the method.
        from_end: whether the end of a longer document is read, not its beginning.
    """

    name: str
    reads: int = ROWS
    method: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    from_end: bool = False

    def embedder(self, models: Models) -> Embedder:
        """Return the model that is trained."""
        embedder = models.load(models.shipped)
        if self.method:
            extend_in_place(embedder.model, ROWS, method=self.method, **self.options)
        return embedder

    def cut(self, document: list[int], special: int) -> list[int]:
        """Return what is read of a document."""
        most = self.reads - special
        return document[-most:] if self.from_end else document[:most]


class Calibrated(Start):
    """The calibrated checkpoint: short inputs, queries among them, read the rows as shipped."""

    def embedder(self, models: Models) -> Embedder:
        """Return the calibrated model."""
        return models.load(models.calibrated)


CUT = Start("cut to 512", 512)
END = Start("the last 512 tokens", 512, from_end=True)
LONG = (
    Start("tile, range 156", method="tile", options={"range": 156}),
    Start("linear", method="linear"),
    Start("random rows", method="random"),
    Calibrated("calibrated"),
)
