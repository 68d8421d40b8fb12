"""What is found out about one tensor of a checkpoint: a position table, a look-alike, or an open question."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from posembed.layout import TableLayout

Kind = Literal["sequence", "grid", "window", "axis", "time", "none"]
Memory = Literal["rows", "1,rows", "rows,1", "k,1,rows", "H,W", "1,H,W", "1,d,H,W"]


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A configuration field that must follow the table.

    ``rows``: the field is the table's rows minus ``amount``. ``pixels``: it is the image's side, ``amount`` the
    patch's. ``side``: it is the grid's side in patches. ``count``: it is H × W.
    ``bins`` and ``frames``: it is the height or width of a spectrogram that patches of ``amount[0]`` cut in steps of
    ``amount[1]``.
    """

    name: str
    unit: Literal["rows", "pixels", "side", "count", "bins", "frames"]
    amount: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A position table in a checkpoint, or a tensor that only looks like one.

    Attributes:
        key: its name in the file.
        shape: its shape in the file.
        dtype: as safetensors writes it, ``"F32"`` for example.
        file: the file that holds it.
        family: ``model_type`` of the configuration that governs it, or what its names look like.
        layout: what the rows mean; for a refused tensor, rows alone.
        evidence: why each of these is believed, one sentence each.
        uncertain: whether names, shapes and configuration leave the meaning open.
        refused: why it is no learned absolute table, or ``None``.
        kind: a sequence, an image grid, a window that is tiled over a grid, a coordinate axis, time steps; ``"none"``
            if refused.
        memory: how rows lie in the tensor.
        fields: configuration fields that must change with the table.
        look_ahead: last rows that are read beyond the input's end (ProphetNet's decoder predicts ahead).
        resize: how the family resizes its grid at run time: (mode, antialias, align_corners).
    """

    key: str
    shape: tuple[int, ...]
    dtype: str
    file: Path
    family: str
    layout: TableLayout
    evidence: tuple[str, ...] = ()
    uncertain: bool = False
    refused: str | None = None
    kind: Kind = "none"
    memory: Memory = "rows"
    fields: tuple[FieldRule, ...] = ()
    resize: tuple[str, bool, bool] = field(default=("bicubic", False, False))
    look_ahead: int = 0

    @property
    def usable_length(self) -> int:
        """The longest input in tokens; 0 for a refused tensor."""
        return 0 if self.refused else self.layout.usable_length - self.look_ahead

    @property
    def d_model(self) -> int:
        """The width of a row."""
        return self.shape[1] if self.memory == "1,d,H,W" else self.shape[-1]

    def to_dict(self) -> dict[str, Any]:
        """What ``posembed inspect --json`` prints of it."""
        layout = self.layout
        return {
            "key": self.key,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "file": str(self.file),
            "family": self.family,
            "kind": self.kind,
            "rows": layout.rows,
            "d_model": self.d_model,
            "reserved": layout.reserved,
            "prefix": layout.prefix,
            "suffix": layout.suffix,
            "length": layout.length,
            "grid": None if layout.grid is None else list(layout.grid),
            "usable_length": self.usable_length,
            "uncertain": self.uncertain,
            "refused": self.refused,
            "evidence": list(self.evidence),
            "fields": [rule.name for rule in self.fields],
        }
