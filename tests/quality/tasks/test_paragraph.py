"""Documents that hide a paragraph of their own."""

import numpy as np
import pytest

from posembed.errors import DataError
from posembed.quality.tasks.paragraph import PARAGRAPH, PARAGRAPH_TOKENS, QUERY_TOKENS
from posembed.quality.tasks.task import LEAST_HAYSTACK, Place

STREAM = np.arange(5000)


def test_paragraphs_are_cut_one_after_the_other(request_of):
    compose = PARAGRAPH.prepare(request_of(), STREAM)
    for number in (0, 1, 9):
        document, query = compose(Place(number, "", 0.5), np.random.default_rng(number))
        own = [token for token in document if token < 10 * 128]
        assert own == list(range(128 * number, 128 * (number + 1)))
        at = query[0]
        assert query == list(range(at, at + 48))
        assert own[0] <= at <= own[-1] - 47
        assert len(document) == 500
        assert document.index(own[0]) == 186  # half of the 372 others
    assert (PARAGRAPH_TOKENS, QUERY_TOKENS) == (128, 48)


@pytest.mark.parametrize(("body", "starts"), [(500, 81), (255, 80)])
def test_queries_come_from_the_whole_paragraph(request_of, body, starts):
    compose = PARAGRAPH.prepare(request_of(body=body), STREAM)
    found = {compose(Place(0, "", 0.5), np.random.default_rng(seed))[1][0] for seed in range(1500)}
    assert found == set(range(starts))


@pytest.mark.parametrize(("body", "size", "length"), [(100, 50, 25), (255, 127, 48), (256, 128, 48), (190, 95, 47)])
def test_short_documents_have_short_paragraphs(request_of, body, size, length):
    compose = PARAGRAPH.prepare(request_of(body=body), STREAM)
    document, query = compose(Place(1, "", 0.0), np.random.default_rng(0))
    assert document[:size] == list(range(size, 2 * size))
    assert len(query) == length
    assert len(document) == body


def test_the_rest_must_be_a_haystack(request_of):
    PARAGRAPH.prepare(request_of(), STREAM[: 10 * 128 + LEAST_HAYSTACK])
    with pytest.raises(DataError, match="of the task paragraph: 1 tokens are missing"):
        PARAGRAPH.prepare(request_of(), STREAM[: 10 * 128 + LEAST_HAYSTACK - 1])
