"""Multi-vector models are evaluated within pools; each document is read once by each system."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.quality.evaluate.multi_vector import DOCUMENTS, POOL, MultiVectorEvaluator
from posembed.records.evaluate import EvaluateOptions

PROSE = "Some words of filler that say little, again and again. "
TEXTS = [f"{PROSE * 40}\n\nThe cat number {n} sat here." for n in range(12)]


class Letters:
    """Finds a query's letters beyond ``start`` in a document; a token is a character."""

    special, stored_limit, document_length, query_length = 3, None, None, None
    tokenizer = SimpleNamespace(get_vocab=lambda: {"a": 0})

    def __init__(self, prompts=None):
        self.prompts = prompts or {"query": "", "document": ""}
        self.read = []

    def encode(self, text):
        return [ord(letter) for letter in text]

    def decode(self, ids):
        return "".join(map(chr, ids))

    def scores(self, queries, documents, limit=None):
        cut = [tuple(each if limit is None else each[: limit - 3]) for each in documents]
        self.read += cut
        found = [[self._shared(query, document) for document in cut] for query in queries]
        return np.array(found, dtype=np.float32)

    def _shared(self, query, document):
        text, words = self.decode(document), self.decode(query).split()
        return sum(word.strip("?.,") in text for word in words)


def measured(checkpoint, original, lengths, usable):
    options = EvaluateOptions(lengths=lengths, tasks=("passkey",), documents=10, pool=5, precision="fp32")
    judge = MultiVectorEvaluator()
    setup = judge.setup(options, checkpoint, original, usable)
    return judge.measure(checkpoint, original, TEXTS, setup)


def test_systems_and_how_often_documents_are_read():
    checkpoint, original = Letters(), Letters()
    results = measured(checkpoint, original, (1600,), (1600, 400))
    assert {cell.system for cell in results.cells} == {"checkpoint", "truncated", "best chunk 400", "BM25"}
    assert {cell.documents for cell in results.cells} == {10}
    assert [len(text) for text in checkpoint.read] == [1597] * 10
    assert len(set(checkpoint.read)) == 10
    assert [len(text) for text in original.read[:10]] == [397] * 10
    assert len(original.read) == 10 + 10 * 5  # four chunks of 397 tokens, and one of 9


def test_what_is_said_of_prompts_and_limits():
    judge, model = MultiVectorEvaluator(), Letters({"query": "ask: ", "document": ""})
    assert judge.reading(model, 512) == [
        "the model was given its prompts ('ask: ' before queries); lengths count those of documents"
    ]
    model.prompts, model.query_length, model.document_length = {}, 32, 300
    queries, documents = judge.reading(model, 512)
    assert queries == "queries were cut at 32 tokens, as the model's files say"
    assert documents.startswith("documents were read whole; sentence-transformers cuts them at 300 tokens")
    assert judge.reading(model, 300) == [queries]


def test_defaults_and_what_is_refused():
    judge = MultiVectorEvaluator()
    made = judge.setup(EvaluateOptions(lengths=(400,), precision="fp32"), Letters(), Letters(), (800, 400))
    assert (made.pool, made.documents) == (POOL, DOCUMENTS)
    with pytest.raises(InvalidArgumentError, match=r"must be at least 67 each, .*: documents have at least 64 tokens"):
        judge.setup(EvaluateOptions(lengths=(66,), precision="fp32"), Letters(), Letters(), (800, 400))
    with pytest.raises(InvalidArgumentError, match=r"a multi-vector model, of which each document has a vector per"):
        judge.check(EvaluateOptions(corpus="x"))
