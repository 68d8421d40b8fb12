"""The paragraph task: find the document with a paragraph of held-out text, given some words of it."""

from __future__ import annotations

import numpy as np

from posembed.quality.tasks.haystack import Ints, insert, window
from posembed.quality.tasks.task import Compose, HaystackTask, Pair, Place, SetRequest

# Tokens of a document's own paragraph: about the length of one in prose; in short documents, half of the document.
PARAGRAPH_TOKENS = 128
# Tokens of its query: enough to tell a paragraph from all others, and short enough to be read at old positions.
QUERY_TOKENS = 48


class Paragraph(HaystackTask):
    """The beginning of the text is cut into paragraphs that no other document has; the rest is haystack."""

    name = "paragraph"

    def prepare(self, request: SetRequest, stream: Ints) -> Compose:
        """Return a function that hides a document's own paragraph and asks with a part of it."""
        size = min(PARAGRAPH_TOKENS, request.body // 2)
        paragraphs, rest = np.split(stream, [request.documents * size])
        self.require_haystack(request, rest)
        length = min(QUERY_TOKENS, size // 2)

        def compose(place: Place, rng: np.random.Generator) -> Pair:
            paragraph = paragraphs[place.number * size : (place.number + 1) * size]
            at = int(rng.integers(0, size - length + 1))
            haystack = window(rest, request.body, rng)
            document = insert(paragraph, haystack, request.body, place.depth)
            return document, paragraph[at : at + length].tolist()

        return compose


PARAGRAPH = Paragraph()
