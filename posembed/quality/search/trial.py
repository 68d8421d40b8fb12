"""What a search needs of a kind of model: documents, and the outcomes of a candidate and of the old table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from posembed.find.found import FoundTable
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.search.candidates import Candidate, Outcomes
from posembed.quality.search.measure import Measure
from posembed.records.search import SearchOptions

# Longest document in tokens, unless twice the old table is longer: a candidate is measured on thousands of tokens per
# document, and the cost of attention grows with the square.
LONGEST = 1024


@dataclass(frozen=True)
class TrialRequest:
    """What a trial is made from.

    Attributes:
        kind: the kind of model.
        path: the checkpoint's directory.
        table: its position table.
        length: positions of the longer table.
        options: of the search, with the precision resolved.
    """

    kind: ModelKind[Any]
    path: Path
    table: FoundTable
    length: int
    options: SearchOptions

    @property
    def lengths(self) -> list[int]:
        """Document lengths: the old table's, and a longer one."""
        old = self.table.usable_length
        return sorted({old, min(self.length, max(LONGEST, 2 * old))})

    def load(self) -> Any:
        """Load the model, as its kind does."""
        options = self.options
        return self.kind.load(self.path, options.precision, trust_remote_code=options.trust_remote_code)


class Trial(ABC):
    """One loaded model, measured with many tables; :mod:`posembed.quality.search.trials` lists them by kind."""

    measure: ClassVar[Measure]

    @classmethod
    @abstractmethod
    def load(cls, request: TrialRequest) -> Trial:
        """Load the model and the validation texts.

        Raises:
            DataError: for texts that are missing.
            CheckpointError: for files that cannot be loaded.
        """

    @property
    @abstractmethod
    def positions(self) -> NDArray[Any]:
        """The old rows of the positions alone, ``[usable_length, d_model]``."""

    @abstractmethod
    def documents(self) -> tuple[int, int]:
        """Return how many documents of each length the first rounds and the final measurement use."""

    @abstractmethod
    def prepare(self, documents: int) -> None:
        """Make this number of validation documents of each length.

        Raises:
            DataError: if there is too little text.
        """

    @abstractmethod
    def run(self, method: str, options: Mapping[str, object]) -> Candidate:
        """Measure a candidate on the documents."""

    @abstractmethod
    def baseline(self) -> Outcomes:
        """Measure what the old table does with the same documents."""
