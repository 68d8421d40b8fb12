"""The needle task: find the document with a sentence about who keeps what where, hidden in held-out text."""

from __future__ import annotations

import numpy as np

from posembed.quality.tasks.haystack import Ints, insert, window
from posembed.quality.tasks.names import PLACES, THINGS
from posembed.quality.tasks.task import Compose, HaystackTask, Pair, Place, SetRequest


class Needle(HaystackTask):
    """The sentence is unlike the text around it, but short."""

    name = "needle"

    def prepare(self, request: SetRequest, stream: Ints) -> Compose:
        """Return a function that hides one sentence."""
        self.require_haystack(request, stream)

        def compose(place: Place, rng: np.random.Generator) -> Pair:
            thing, where = rng.choice(THINGS), rng.choice(PLACES)
            haystack = window(stream, request.body, rng)
            evidence = f"{place.person} keeps the {thing} {where}."
            query = f"Where does {place.person} keep the {thing}?"
            document = insert(request.encode(evidence), haystack, request.body, place.depth)
            return document, request.encode(query)

        return compose


NEEDLE = Needle()
