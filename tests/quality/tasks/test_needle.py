"""Documents that hide a sentence."""

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.tasks.names import PLACES, THINGS
from posembed.quality.tasks.needle import NEEDLE
from posembed.quality.tasks.task import LEAST_HAYSTACK, Place


def test_who_keeps_what_where(request_of, stream):
    compose = NEEDLE.prepare(request_of(), stream)
    document, query = compose(Place(3, "Ada Berger", 0.0), np.random.default_rng(0))
    sentence = bytes(token for token in document if token < 256).decode()
    thing = next(each for each in THINGS if f" {each} " in sentence)
    where = next(each for each in PLACES if each in sentence)
    assert sentence == f"Ada Berger keeps the {thing} {where}."
    assert bytes(query).decode() == f"Where does Ada Berger keep the {thing}?"
    assert len(document) == 500
    rest = document[len(sentence) :]
    at = stream.tolist().index(rest[0])
    assert rest == np.resize(np.roll(stream, -at), len(rest)).tolist(), "the rest is one stretch of the text"


def test_too_little_text(request_of, stream):
    NEEDLE.prepare(request_of(), stream[:LEAST_HAYSTACK])
    with pytest.raises(DataError, match="the test texts are too short for 10 documents of the task needle: 1 tokens"):
        NEEDLE.prepare(request_of(), stream[: LEAST_HAYSTACK - 1])
