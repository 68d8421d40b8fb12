"""Records of what a checkpoint's tensors were found to be: a position table, a look-alike, or uncertain."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posembed.find.kinds import TableKind
from posembed.find.stored_layout import ROWS, StoredLayout
from posembed.layout import TableLayout
from posembed.records.base import JsonObject


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A configuration field that must follow the table.

    ``rows``: the field is the table's rows minus ``amount[0]``. ``pixels``: it is the image's side, ``amount`` the
    patch's. ``side``: it is the grid's side in patches. ``count``: it is H × W. Both have the patch in ``amount``, if
    the configuration says it.
    ``bins`` and ``frames``: it is the height or width of a spectrogram, cut into patches of ``amount[0]`` in steps of
    ``amount[1]``.
    ``tubelets``: it is a number of frames, ``amount[0]`` patches in each, ``amount[1]`` frames in a tubelet.
    ``distances``: the rows are the distances between as many positions or patches as it says.
    ``unused`` is the number of pixels beyond the last patch, ``(height, width)``.
    ``overlap``: pixels that a patch shares with the next, ``(height, width)``; ``amount`` is then the step.
    ``square``: one number holds both sides, also where the file leaves it to its default.
    """

    name: str
    unit: Literal["rows", "pixels", "side", "count", "bins", "frames", "tubelets", "distances"]
    amount: tuple[int, int] = (0, 0)
    unused: tuple[int, int] = (0, 0)
    square: bool = False
    overlap: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Frozen:
    """A table that nobody trained: its rows follow a formula, so any number of them is known.

    Attributes:
        formula: the formula's name, such as ``"fairseq"`` or ``"half, width first"``.
        of_text: whether a row is a token's, not a stretch of sound or a patch.
        grows: whether the model lengthens it by itself, so that it limits nothing.
    """

    formula: str
    of_text: bool = True
    grows: bool = False


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A position table in a checkpoint, or a tensor that only looks like one.

    Attributes:
        key: its name in the file.
        shape: its shape in the file.
        dtype: as safetensors writes it, ``"F32"`` for example.
        file: the file that holds it.
        family: ``model_type`` of the configuration that governs it, or what its names look like.
        layout: what the rows mean; for a look-alike, rows alone.
        evidence: the reasons for all of this, one sentence each.
        uncertain: whether names, shapes and configuration leave the meaning open.
        refused: why it is not a learned absolute table, or ``None``.
        kind: a sequence, an image grid, a window that is tiled over a grid, a coordinate axis, time steps; ``"none"``
            for a look-alike.
        stored: how the tensor stores the rows.
        fields: configuration fields that must change with the table.
        look_ahead: last rows that are read beyond the input's end (ProphetNet's decoder predicts ahead).
        resize: how the family resizes its grid at run time: (mode, antialias, align_corners).
        frozen: its formula, for a fixed sinusoid; ``refused`` says why it is not a learned table.
        unused: why the model's code does not read it, or ``None``.
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
    kind: TableKind = TableKind.NONE
    stored: StoredLayout = ROWS
    fields: tuple[FieldRule, ...] = ()
    resize: tuple[str, bool, bool] = field(default=("bicubic", False, False))
    look_ahead: int = 0
    frozen: Frozen | None = None
    unused: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", TableKind(self.kind))  # a plain string is accepted too

    @property
    def usable_length(self) -> int:
        """Longest input in tokens; 0 for a look-alike that is no formula either."""
        return 0 if self.refused and self.frozen is None else self.layout.usable_length - self.look_ahead

    @property
    def d_model(self) -> int:
        """Numbers in a row; 1 for a look-alike that is one number or a line of them."""
        return self.stored.width(self.shape) if len(self.shape) > 1 else 1

    @property
    def is_text_sequence(self) -> bool:
        """Whether it is a learned table with one row per token that the model reads."""
        return self.refused is None and self.unused is None and self.kind is TableKind.SEQUENCE

    @property
    def counts_tokens(self) -> bool:
        """Whether it is a table with one row per token that the model reads, learned or frozen."""
        frozen = self.frozen is not None and self.frozen.of_text and self.kind is TableKind.SEQUENCE
        return self.is_text_sequence or (frozen and self.unused is None)

    @property
    def limits_text(self) -> bool:
        """Whether a text of more tokens than it has positions fails."""
        return self.counts_tokens and not (self.frozen is not None and self.frozen.grows)

    @property
    def is_plain_sequence(self) -> bool:
        """Whether the tensor is a matrix ``[rows, d_model]`` with one row per position of a sequence."""
        return self.stored.is_matrix and self.layout.length is not None

    @property
    def memory(self) -> str:
        """Deprecated name of ``stored.name``."""
        warnings.warn("FoundTable.memory is now FoundTable.stored.name", DeprecationWarning, stacklevel=2)
        return self.stored.name

    def shape_for(self, layout: TableLayout) -> tuple[int, ...]:
        """Return the tensor's shape once its rows have another layout."""
        return self.stored.shape_for(self.shape, layout)

    def to_dict(self) -> JsonObject:
        """Return what ``posembed inspect --json`` prints for it."""
        layout = self.layout
        return {
            "key": self.key,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "file": str(self.file),
            "family": self.family,
            "kind": self.kind.value,
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
            "formula": None if self.frozen is None else self.frozen.formula,
            "unused": self.unused,
        }
