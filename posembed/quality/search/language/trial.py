"""Score candidates for a language model by the loss on longer inputs, against a sliding window of the old length."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.documents import LEAST_DOCUMENTS, cut_documents
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.language import Chosen, Ids
from posembed.quality.models.scorer import Losses, Scorer
from posembed.quality.rng import generator
from posembed.quality.search.language.candidates import Candidate, Outcomes
from posembed.quality.search.longer_table import LongerTable
from posembed.quality.search.request import SearchRequest
from posembed.quality.texts import is_one_file
from posembed.records.search import SearchOptions

# Documents of the final measurement: every token of each is an outcome, so few are needed.
DOCUMENTS = 64
# The first rounds measure some thirty candidates, so they use a quarter of the documents.
FIRST_SHARE = 4
# Longest input in tokens, unless twice the old table is longer: a candidate is measured on thousands of tokens per
# document, and the cost of attention grows with the square.
LONGEST = 1024


def input_lengths(old: int, new: int) -> list[int]:
    """Return the lengths of the inputs: the old table's, and a longer one.

    Example:
        >>> input_lengths(512, 4096), input_lengths(1024, 8192)
        ([512, 1024], [1024, 2048])
    """
    return sorted({old, min(new, max(LONGEST, 2 * old))})


class LanguageTrial:
    """Mean loss of the predicted tokens of each document.

    Args:
        scorer: of the loaded model.
        table: its longer table.
        lengths: input lengths in tokens.
        texts: validation texts in tokens.
        options: of the search.
    """

    def __init__(
        self,
        scorer: Scorer,
        table: LongerTable,
        lengths: Sequence[int],
        texts: Sequence[Sequence[int]],
        options: SearchOptions,
    ) -> None:
        self.scorer, self.table, self.lengths, self.texts = scorer, table, lengths, texts
        self.options = options
        self.inputs: list[tuple[int, Ids, Chosen]] = []

    @classmethod
    def load(cls, request: SearchRequest) -> LanguageTrial:
        """Load the model and the validation texts."""
        model = request.load()
        texts = [model.encode(text) for text in request.kind.read_texts(request.options.data)["validation"]]
        table = LongerTable(model.model, request.table, request.length)
        return cls(Scorer.of(model), table, input_lengths(request.old, request.length), texts, request.options)

    @property
    def positions(self) -> NDArray[Any]:
        """The old rows of the positions alone."""
        return self.table.positions

    def documents(self) -> tuple[int, int]:
        """Return a quarter of the documents, and all of them."""
        final = self.options.documents or DOCUMENTS
        return max(LEAST_DOCUMENTS, final // FIRST_SHARE), final

    def prepare(self, documents: int) -> None:
        """Cut one window from each document that is long enough, and choose what is predicted in it."""
        seed, one_file = self.options.seed, is_one_file(self.options.data)
        self.inputs = []
        for length in self.lengths:
            ids = cut_documents(self.texts, length, documents, "validation", seed, one_file=one_file)
            chosen = self.scorer.kind.choose(ids.shape, generator("masks", "validation", length, seed))
            self.inputs.append((length, ids, chosen))

    def run(self, method: str, options: Mapping[str, object]) -> Candidate:
        """Read every input whole, with the new rows."""
        kept = self.table.put(method, options)
        return Candidate(method, options, kept, self._outcomes(self.scorer.losses))

    def baseline(self) -> Outcomes:
        """Read every input by a sliding window, with the old rows."""
        self.table.restore()
        window = self.table.usable_length
        return self._outcomes(lambda ids, chosen: sliding_losses(self.scorer, ids, chosen, window))

    def _outcomes(self, losses: Callable[[Ids, Chosen], Losses]) -> Outcomes:
        return {length: np.nanmean(losses(ids, chosen), axis=1) for length, ids, chosen in self.inputs}
