"""What one search is about: a checkpoint, its table, the wanted length and the options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from posembed.checkpoint.source import Checkpoint
from posembed.find.found import FoundTable
from posembed.quality.models.model_kind import ModelKind
from posembed.records.search import SearchOptions


@dataclass(frozen=True)
class SearchRequest:
    """One call of ``search_method``.

    Attributes:
        kind: the kind of model.
        checkpoint: of the model.
        table: its position table.
        length: positions of the longer table.
        options: of the search, with device and precision resolved.
    """

    kind: ModelKind[Any]
    checkpoint: Checkpoint
    table: FoundTable
    length: int
    options: SearchOptions

    @property
    def old(self) -> int:
        """Positions of the old table."""
        return self.table.usable_length

    def load(self) -> Any:
        """Load the model, as its kind does."""
        options = self.options
        return self.kind.load(
            self.checkpoint.root,
            options.precision,
            device=options.device,
            trust_remote_code=options.trust_remote_code,
        )
