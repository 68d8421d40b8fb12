"""Passages begin at texts or anywhere, and need some text."""

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.calibrate import passages
from posembed.quality.calibrate.passages import Passage


def test_passages_begin_at_texts_or_anywhere_and_end_within_the_tokens():
    texts = Passage([[1, 2, 3], [4, 5], [6, 7, 8, 9]])
    rng = np.random.default_rng(0)
    drawn = [texts.draw(4, rng) for _ in range(200)]
    assert {tuple(each) for each in drawn} == {tuple(range(at, at + 4)) for at in range(1, 7)}
    begins = sum(each[0] in (1, 4, 6) for each in drawn)
    assert 130 < begins < 170  # half of them, and by chance half of the others
    assert texts.draw(20, rng) == list(range(1, 10))


def test_too_little_text_is_refused(embedder, monkeypatch):
    from posembed.quality.models.embedding import load_embedder

    monkeypatch.setattr(passages, "_LEAST_TOKENS", 10**9)
    with pytest.raises(DataError, match=r"the training texts have [0-9,]+ tokens, at least 1,000,000,000 are needed"):
        Passage.all(["some words"], load_embedder(embedder), "training")
