"""The title task: find the document by its title, taken out of it."""

from __future__ import annotations

from posembed.quality.tasks.excerpt import Excerpt, Question
from posembed.quality.tasks.real import RealTask


class Title(RealTask):
    """Ask with the title."""

    name = "title"
    needs = "a title that no other has"

    def question(self, excerpt: Excerpt) -> Question | None:
        """Return the title."""
        return excerpt.title


TITLE = Title()
