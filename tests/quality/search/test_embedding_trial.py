"""Passkey retrieval by an embedder whose vectors are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.quality.search import embedding_trial
from posembed.quality.search.embedding_trial import EmbeddingTrial
from posembed.quality.search.trial import TrialRequest
from posembed.records.search import SearchOptions


class Bag:
    """Embeds bytes: a document is its digits and capitals, so a passkey is found unless it was cut off."""

    special = 2

    def __init__(self, table):
        self.table, self.asked = table, []

    def encode(self, text):
        return list(text.encode())

    def embed(self, texts, **_side):
        self.asked.append(len(texts))
        vectors = np.zeros((len(texts), 256), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for place, token in enumerate(text):
                if 48 <= token < 58 or 65 <= token < 91:
                    row[token] += self.table.rows[min(place, len(self.table.rows) - 1)]
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


class Table:
    """One number per position: how loudly a token there is heard."""

    usable_length = 200
    positions = np.ones((200, 1))

    def __init__(self):
        self.rows = [1.0] * 200

    def restore(self):
        self.rows = [1.0] * 200

    def put(self, method, options):
        self.rows = {"deaf": [1.0] * 200 + [0.0] * 200, "hears": [1.0] * 400}[method]
        return options["kept"]


def trial(**options):
    table = Table()
    usual = {"documents": 100, "pool": 10, "precision": "fp32"}
    return EmbeddingTrial(Bag(table), table, [100, 400], [], SearchOptions(**usual | options))


def test_what_is_measured_follows_the_rows():
    one = trial()
    one.prepare(20)
    hears, deaf = one.run("hears", {"kept": 7}), one.run("deaf", {"kept": 200})
    assert (hears.kept, deaf.kept) == (7, 200)
    assert hears.values[100] == deaf.values[100]
    assert hears.values[400] > deaf.values[400] + 0.2
    assert {length: len(each) for length, each in hears.outcomes.items()} == {100: 20, 400: 20}
    assert hears.outcomes[100].dtype == np.float64


def test_the_baseline_cuts_documents_and_reads_old_rows():
    one = trial()
    one.prepare(20)
    one.run("deaf", {"kept": 0})
    baseline = one.baseline()
    assert one.table.rows == [1.0] * 200
    assert baseline[100].mean() == one.run("hears", {"kept": 0}).values[100]
    assert baseline[400].mean() == pytest.approx(one.run("deaf", {"kept": 0}).values[400], abs=0.15)


def test_length_aware_queries_are_embedded_once_with_the_old_rows():
    for aware, calls in ((False, 4), (True, 2)):
        one = trial(length_aware=aware)
        one.prepare(20)
        one.embedder.asked.clear()
        one.run("deaf", {"kept": 0})
        assert len(one.embedder.asked) == calls


@pytest.mark.parametrize(
    ("documents", "pool", "counts"),
    [(None, 50, (100, 200)), (100, 10, (50, 100)), (30, 10, (10, 30)), (50, 50, (50, 50)), (150, 50, (50, 150))],
)
def test_the_first_rounds_use_half_of_the_pools(documents, pool, counts):
    assert trial(documents=documents, pool=pool).documents() == counts


def test_other_seeds_other_documents():
    one, other = trial(seed=0), trial(seed=1)
    for each in (one, other):
        each.prepare(20)
    assert one.sets[0][1].documents != other.sets[0][1].documents
    assert [length for length, _, _ in one.sets] == [100, 400]
    assert {len(document) for document in one.sets[1][1].documents} == {398}
    assert one.sets[0][1].pool == 10


@pytest.mark.parametrize(
    ("old", "lengths"),
    [(512, [128, 256, 512, 1024]), (256, [128, 256, 1024]), (250, [250, 1024]), (508, [254, 508, 1024])],
)
def test_shorter_documents_are_measured_where_they_have_room(monkeypatch, old, lengths):
    monkeypatch.setattr(embedding_trial, "LongerTable", lambda *_: Table())
    loaded = SimpleNamespace(encode=lambda text: [len(text)], model=None)
    kind = SimpleNamespace(
        load=lambda path, precision, **_: loaded if (path, precision) == ("a", "bf16") else None,
        read_texts=lambda data: {"validation": [data, "ab"], "test": ["c"]},
    )
    request = TrialRequest(kind, "a", SimpleNamespace(usable_length=old), 2048, SearchOptions(precision="bf16"))
    made = EmbeddingTrial.load(request)
    assert made.lengths == lengths
    assert made.texts == [[6], [2]]
    assert made.positions is Table.positions
