"""Evaluate a reranker: rank the documents of a pool by its scores of pairs."""

from __future__ import annotations

from collections.abc import Sequence

from posembed.quality.evaluate.pools import Ids, PoolEvaluator, Scores
from posembed.quality.models.reranker import Reranker
from posembed.quality.tasks.excerpt import LONGEST_QUERY

# A reranker reads every document again for every query: ten documents, which is what a first search leaves, and fifty
# queries take a small one some minutes at 1,024 tokens on two cores.
POOL, DOCUMENTS = 10, 50


class RerankerEvaluator(PoolEvaluator[Reranker]):
    """Rerankers, which read each query and document as one input."""

    described = "a reranker, which would read every document for every query"
    pool, documents = POOL, DOCUMENTS

    def scores(self, model: Reranker, queries: Ids, documents: Ids, limit: int | None = None) -> Scores:
        """Return the scores of all pairs, cut to ``limit``, query included."""
        return whole(model, queries, documents, limit)

    def taken(self, model: Reranker) -> int:
        """Return the tokens of the longest query, and the special ones."""
        return LONGEST_QUERY + model.special

    def too_short(self, _: int) -> str:
        """Return that a query needs room."""
        return (
            "a reranker reads query and document as one input, and they leave room for a query of "
            f"{LONGEST_QUERY} tokens"
        )

    def reading(self, checkpoint: Reranker, _: int) -> Sequence[str]:
        """Return what a length counts, and the prompt."""
        sentences = [f"a length counts the query too: a document has {self.taken(checkpoint)} tokens less"]
        if checkpoint.prompt:
            sentences.append(f"the model was given its prompt ({checkpoint.prompt!r} before queries)")
        return sentences


def whole(model: Reranker, queries: Ids, documents: Ids, limit: int | None = None) -> Scores:
    """Return the scores of all pairs, ``[queries, documents]``; documents are cut so that pairs fit into ``limit``."""
    pairs = [
        (query, document if limit is None else document[: limit - model.special - len(query)])
        for query in queries
        for document in documents
    ]
    return model.scores(pairs).reshape(len(queries), len(documents))
