"""What the tasks about real documents have in common."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from posembed.quality.tasks.excerpt import Excerpt, Question
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.task import DEPTHS, Placed, RetrievalTask, SetRequest


class RealTask(RetrievalTask):
    """A task whose documents are real ones, and whose queries ask with what was taken out of them."""

    @abstractmethod
    def question(self, excerpt: Excerpt) -> Question | None:
        """Return the query about a document, or ``None`` if it has none of this kind."""

    def pairs(self, request: SetRequest, held_out: HeldOut, _: np.random.Generator) -> list[Placed]:
        """Return the documents that are long enough and can be asked for, at most as many as are wanted."""
        placed = []
        for excerpt in held_out.excerpts(request.encode, request.body, request.split, request.seed):
            question = self.question(excerpt)
            if question is not None:
                placed.append(Placed(excerpt.ids, question.ids, int(question.depth * DEPTHS), excerpt.source))
        return placed[: request.documents]
