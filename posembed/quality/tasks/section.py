"""The section task: find the document by the heading and first sentence of a part deep in it, taken out of it."""

from __future__ import annotations

from posembed.quality.tasks.excerpt import Excerpt, Question
from posembed.quality.tasks.real import RealTask


class SectionStart(RealTask):
    """Ask with the heading and first sentence of a part."""

    name = "section"
    needs = "a part that begins past a third of them"

    def question(self, excerpt: Excerpt) -> Question | None:
        """Return the heading and first sentence of a part."""
        return excerpt.section


SECTION = SectionStart()
