"""The passkey task: find the document that states a person's pass key, among filler sentences.

After Mohtashami & Jaggi 2023, arXiv:2305.16300, and LongEmbed (Zhu et al. 2024, arXiv:2404.12096).
"""

from __future__ import annotations

import numpy as np

from posembed.quality.tasks.haystack import Ints, insert
from posembed.quality.tasks.names import FILLERS
from posembed.quality.tasks.task import Compose, HaystackTask, Pair, Place, SetRequest


class Passkey(HaystackTask):
    """Each pool of documents has another filler, and each split has fillers of its own. No text is read."""

    name = "passkey"

    def prepare(self, request: SetRequest, _: Ints) -> Compose:
        """Return a function that hides a pass key of five digits."""
        fillers = [np.asarray(request.encode(filler), dtype=np.int64) for filler in FILLERS[request.split]]

        def compose(place: Place, rng: np.random.Generator) -> Pair:
            haystack = np.resize(fillers[place.number // request.pool % len(fillers)], request.body)
            key = int(rng.integers(10_000, 100_000))
            evidence = f"The pass key of {place.person} is {key}. Remember it. {key} is the pass key of {place.person}."
            query = f"What is the pass key of {place.person}?"
            document = insert(request.encode(evidence), haystack, request.body, place.depth)
            return document, request.encode(query)

        return compose


PASSKEY = Passkey()
