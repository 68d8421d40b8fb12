"""The inverse cloze task: find the document by a sentence that was taken out of it.

After Lee et al. 2019, arXiv:1906.00300.
"""

from __future__ import annotations

from posembed.quality.tasks.excerpt import Excerpt, Question
from posembed.quality.tasks.real import RealTask


class Cloze(RealTask):
    """Ask with the sentence that was taken out."""

    name = "cloze"
    needs = "a sentence to take out"

    def question(self, excerpt: Excerpt) -> Question | None:
        """Return the sentence that was taken out."""
        return excerpt.sentence


CLOZE = Cloze()
