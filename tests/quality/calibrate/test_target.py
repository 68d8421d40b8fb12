"""What long texts' vectors are trained towards: chosen by the titles and sections that it finds."""

import zlib

import numpy as np
import pytest

from posembed.observer import SILENT, Callbacks
from posembed.quality.calibrate import target as module
from posembed.quality.calibrate.target import (
    BEGINNINGS,
    CHUNKS,
    SHARES,
    USUAL,
    choose_target,
    clearly_best,
    target_vectors,
    tokens_read,
)
from posembed.quality.models.embedding import load_embedder
from posembed.records.calibration import DistillationTarget
from tests.fixtures.calibrations import request_of

OTHER = DistillationTarget(256, 512, 1.0)


class Words:
    """Embeds a text as the words that it has."""

    special, stored_limit = 2, None

    def __init__(self):
        self.prefix = self.suffix = [0]
        self.read = []

    def encode(self, text):
        return [zlib.crc32(word.strip(".").encode()) % 997 for word in text.split()]

    def by_cosine(self):
        return self

    def embed(self, texts, *, queries=False):
        assert queries in (True, False)
        rows = np.zeros((len(texts), 997), np.float32)
        for row, text in zip(rows, texts, strict=True):
            np.add.at(row, list(text), 1)
            row /= max(1e-9, np.linalg.norm(row))
        return rows

    def embed_truncated(self, texts, length):
        self.read.append(("beginning", length))
        return self.embed([text[: length - 2] for text in texts])

    def embed_chunked(self, texts, length):
        self.read.append(("chunk", length))
        return self.embed(texts)

    def embed_chunks(self, texts, length):
        return self.embed_chunked(texts, length), self.embed([text[: length - 2] for text in texts])


def page(number, words):
    """A manual's page whose title says nothing that its beginning does not say."""
    draw = np.random.default_rng(number)
    text = lambda: " ".join(f"w{word}" for word in draw.integers(0, 5000, words))  # noqa: E731
    part = f"## Part{number}\n\nThe part{number} begins here and now. A part{number} has {text()}."
    return f"# Topic{number} explained\n\nHere Topic{number} is {text()}.\n\n{part}\n"


@pytest.fixture
def manual(tmp_path):
    for number in range(60):
        (tmp_path / f"{number}.md").write_text(page(number, 60), encoding="utf-8")
    return str(tmp_path)


@pytest.fixture
def words(monkeypatch):
    model = Words()
    monkeypatch.setattr(module.EMBEDDING, "load", lambda *_, **__: model)
    return model


def test_every_target_is_tried_that_the_table_has_rows_for(manual, words, monkeypatch):
    asked = {}
    monkeypatch.setattr(module, "clearly_best", lambda ranks: asked.update(ranks) or USUAL)
    choose_target(request_of(64, length=100, data=manual), SILENT)
    assert set(asked) == {DistillationTarget(128, 256, share) for share in SHARES}
    assert set(words.read) == {("chunk", 64)}
    asked.clear()
    words.read.clear()
    choose_target(request_of(300, length=100, data=manual), SILENT)
    assert set(words.read) == {("chunk", 128), ("chunk", 256), ("beginning", 300)}, "a beginning is the first chunk"
    assert {(each.chunk, each.beginning) for each in asked} == {(128, 256), (256, 256)}
    assert all(size in BEGINNINGS and chunk in CHUNKS for chunk, size, _ in map(astuple, asked))
    (count,) = {len(ranks) for ranks in asked.values()}
    assert count >= 40  # titles and sections of the training and validation documents


def astuple(target):
    return target.chunk, target.beginning, target.share


def test_why_names_what_cutting_reaches(manual, words):
    told = []
    chosen, why = choose_target(request_of(64, length=100, data=manual), Callbacks(message=told.append))
    assert chosen.chunk == 128
    assert why.startswith("the mean of the vectors of 128-token chunks + ")
    assert "documents cut to 64 tokens" in why
    assert told == ["comparing targets on titles and sections"]


def test_it_is_said_where_cutting_is_as_good(manual, words, monkeypatch):
    monkeypatch.setattr(words, "embed_chunked", lambda texts, _: np.ones((len(texts), 997), np.float32))
    monkeypatch.setattr(module, "SHARES", (0.0,))
    monkeypatch.setattr(module, "USUAL", DistillationTarget(128, 256, 0.0))
    told = []
    choose_target(request_of(64, length=100, data=manual), Callbacks(message=told.append))
    assert told[-1].startswith("on these texts a document cut to 64 tokens ranks as well as any vector that")


def test_texts_without_titles_leave_the_usual_one(texts, words):
    assert words.read == []
    chosen, why = choose_target(request_of(64, length=128, data=texts), SILENT)
    assert chosen == USUAL
    assert why.startswith("the texts have too few long documents with titles or sections")


def test_another_target_must_be_clearly_better():
    usual = np.array([0.5, 1.0, 0.5, 1.0])
    assert clearly_best({USUAL: usual, OTHER: usual + np.array([0.5, 0, 0.5, 0])}) == OTHER
    assert clearly_best({USUAL: usual, OTHER: usual + np.array([0.5, -0.4, 0, 0])}) == USUAL  # by chance
    assert clearly_best({USUAL: usual, OTHER: usual}) == USUAL
    assert clearly_best({USUAL: usual[:1], OTHER: usual[:1] + 1}) == USUAL  # one query says nothing


def test_the_share_is_of_the_beginning():
    mean, beginning = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    np.testing.assert_allclose(target_vectors(mean, beginning, 0.75), [[0.8, 0.6]], atol=1e-6)


def test_a_prompt_is_no_part_of_a_chunk(embedder):
    own = load_embedder(embedder)
    assert tokens_read(32, own, 64) == 32
    assert tokens_read(128, own, 64) == 64
