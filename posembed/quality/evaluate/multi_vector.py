"""Evaluate a multi-vector model: rank the documents of a pool by MaxSim."""

from __future__ import annotations

from collections.abc import Sequence

from posembed.quality.evaluate.embeddings import POOL
from posembed.quality.evaluate.pools import Ids, PoolEvaluator, Scores
from posembed.quality.models.multi_vector import MultiVectorModel
from posembed.quality.tasks.excerpt import LONGEST_QUERY
from posembed.quality.tasks.retrieval_set import DOCUMENTS

_MANY = {"query": "queries", "document": "documents"}


class MultiVectorEvaluator(PoolEvaluator[MultiVectorModel]):
    """Multi-vector models, whose documents are read once, each by itself."""

    described = "a multi-vector model, of which each document has a vector per token"
    pool, documents = POOL, DOCUMENTS

    def scores(self, model: MultiVectorModel, queries: Ids, documents: Ids, limit: int | None = None) -> Scores:
        """Return MaxSim scores of documents, cut to ``limit``."""
        return model.scores(queries, documents, limit)

    def taken(self, model: MultiVectorModel) -> int:
        """Return the special tokens, and those of the prompt."""
        return model.special

    def reading(self, checkpoint: MultiVectorModel, usable: int) -> Sequence[str]:
        """Return the prompts, and what the library cuts."""
        sentences = []
        if any(checkpoint.prompts.values()):
            given = ", ".join(f"{text!r} before {_MANY[side]}" for side, text in checkpoint.prompts.items() if text)
            sentences.append(f"the model was given its prompts ({given}); lengths count those of documents")
        if checkpoint.query_length is not None and checkpoint.query_length < LONGEST_QUERY:
            sentences.append(f"queries were cut at {checkpoint.query_length} tokens, as the model's files say")
        if checkpoint.document_length is not None and checkpoint.document_length < usable:
            sentences.append(
                f"documents were read whole; sentence-transformers cuts them at {checkpoint.document_length} tokens "
                "(document_length in the model's files)"
            )
        return sentences
