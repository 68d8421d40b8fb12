"""A user's own documents, queries and judgments as sets of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from posembed.errors import DataError
from posembed.quality.models.embedder import Embedder
from posembed.quality.retrieval_data.measures import NDCG, measure
from posembed.quality.retrieval_data.read import RetrievalData
from posembed.quality.rng import generator
from posembed.quality.search.embedding.judged import JudgedSet, Values, Vectors
from posembed.quality.search.embedding.lengths import DOCUMENTS, MOST_TOKENS
from posembed.quality.search.embedding.sets import Sets
from posembed.records.embedding_results import Scope
from posembed.records.search import SearchOptions

TASK = "your queries"
# Of fewer queries no interval says anything.
LEAST_QUERIES = 10


class OwnSets(Sets):
    """Queries with their judged documents among others; where there are many, a random part of them.

    Args:
        data: documents, queries and judgments.
        embedder: whose tokens are counted.
        old: positions of the old table.
        new: positions of the new one: documents are read up to there.
        options: of the search.
        texts: sets that are made of texts; short texts among them must not lose either.

    Raises:
        DataError: if too few queries ask for a document that is longer than the old table.
    """

    def __init__(
        self, data: RetrievalData, embedder: Embedder, old: int, new: int, options: SearchOptions, texts: Sets | None
    ) -> None:
        self.embedder, self.old, self.new, self.texts = embedder, old, new, texts
        room, special = new - embedder.special, embedder.special
        numbers = {name: number for number, name in enumerate(data.documents)}
        self.documents = [tuple(embedder.encode(text)[:room]) for text in data.documents.values()]
        self.queries = [tuple(embedder.encode(text)[: old - embedder.query_special]) for text in data.queries.values()]
        self.relevant = [
            {numbers[name]: score for name, score in data.relevant[query].items()} for query in data.queries
        ]
        self.long = [len(document) + special > old for document in self.documents]
        rng = generator("search", "own", options.seed)
        order = rng.permutation(len(self.queries)).tolist()
        asks_long = [
            any(score > 0 and self.long[number] for number, score in judged.items()) for judged in self.relevant
        ]
        most = options.documents or DOCUMENTS
        self.asked = {
            "longer": [number for number in order if asks_long[number]][:most],
            "native": [number for number in order if not asks_long[number]][:most],
        }
        self.others = rng.permutation(len(self.documents)).tolist()
        if len(self.asked["longer"]) < LEAST_QUERIES:
            raise DataError(
                f"`corpus`: {len(self.asked['longer'])} of {len(self.queries)} queries ask for a document of more than "
                f"{old} tokens, which the table reads already; at least {LEAST_QUERIES} are needed to choose a longer "
                "one"
            )

    def longer(self, share: float) -> list[JudgedSet]:
        """Return the queries that ask for a document longer than the old table."""
        asked = self.asked["longer"]
        asked = asked[: max(LEAST_QUERIES, round(share * len(asked)))]
        return [self._set("longer", self.new, asked, self._among(asked, int(share * MOST_TOKENS)))]

    def native(self) -> list[JudgedSet]:
        """Return the other queries, among documents that the old table has room for, and short texts."""
        asked = self.asked["native"]
        among = [number for number in self._among(asked, MOST_TOKENS) if not self.long[number]]
        own = [self._set("native", self.old, asked, among)] if len(asked) >= LEAST_QUERIES else []
        return [*own, *(self.texts.native() if self.texts is not None else [])]

    def beside(self) -> list[JudgedSet]:
        """Return nothing: the queries alone count."""
        return []

    def _among(self, asked: Sequence[int], tokens: int) -> list[int]:
        """Return the judged documents of some queries, and others up to a number of tokens."""
        found = dict.fromkeys(number for query in asked for number in self.relevant[query])
        room = tokens - sum(len(self.documents[number]) for number in found)
        for number in self.others:
            if room <= 0:
                break
            if number not in found:
                found[number] = None
                room -= len(self.documents[number])
        return sorted(found)

    def _set(self, scope: Scope, length: int, asked: Sequence[int], among: Sequence[int]) -> JudgedSet:
        place = {number: at for at, number in enumerate(among)}
        relevant = [
            {place[number]: score for number, score in self.relevant[query].items() if number in place}
            for query in asked
        ]
        return JudgedSet(
            TASK,
            scope,
            length,
            tuple(self.documents[number] for number in among),
            tuple(self.queries[number] for number in asked),
            ((slice(0, len(asked)), slice(0, len(among))),),
            _Ranked(relevant),
            tuple(asked),
        )


class _Ranked:
    """Judges scores by nDCG@10."""

    def __init__(self, relevant: Sequence[Mapping[int, int]]) -> None:
        self.relevant = relevant

    def __call__(self, scores: Vectors, some: slice) -> Values:
        return np.asarray(measure(scores, self.relevant[some])[NDCG], dtype=np.float64)
