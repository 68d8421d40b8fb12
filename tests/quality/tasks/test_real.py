"""Sets of real documents: how many there are, and in which pools."""

import pytest

from posembed.errors import DataError
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.retrieval_set import LEAST_DOCUMENTS, make_set
from posembed.quality.tasks.task import TooFewDocumentsError
from tests.quality.tasks.documents import document, encode

TASKS = ("title", "section", "cloze")
HELD_OUT = HeldOut([], [document(number) for number in range(26)])


def made(task, held_out=HELD_OUT, length=302, **settings):
    return make_set(task, length, encode, held_out, **settings)


@pytest.mark.parametrize("task", TASKS)
def test_as_many_documents_as_there_are(task):
    found = made(task)
    assert (len(found.documents), len(found.queries), len(found.depths), found.pool) == (26, 26, 26, 26)
    assert {len(each) for each in found.documents} == {300}
    assert len(set(found.queries)) == len(set(found.documents)) == 26


@pytest.mark.parametrize(("pool", "wanted"), [(100, 26), (26, 26), (25, 13), (10, 9), (2, 2)])
def test_pools_are_as_equal_as_possible(pool, wanted):
    assert made("title", pool=pool).pool == wanted


@pytest.mark.parametrize("task", TASKS)
def test_tasks_share_their_documents(task):
    assert made(task).documents == made("title").documents
    assert made(task, seed=1).documents != made(task).documents


@pytest.mark.parametrize("task", TASKS)
def test_a_document_keeps_its_name_at_every_length(task):
    """Another sentence of it may be asked for, but it is the same document."""
    short, long = made(task, length=252), made(task)
    assert set(short.sources) >= set(long.sources)
    assert len(set(long.sources)) == len(long.sources) == len(long.documents)
    by_source = dict(zip(short.sources, short.documents, strict=True))
    common = [
        sum(one == other for one, other in zip(document, by_source[name], strict=False))
        for name, document in zip(long.sources, long.documents, strict=True)
    ]
    assert min(common) > 20, "both begin alike, up to what is taken out"
    if task == "section":
        assert set(short.queries) != set(long.queries)


def test_made_documents_have_no_name():
    assert make_set("passkey", 302, encode, HELD_OUT, documents=5, pool=5).sources == ()


def test_a_number_that_was_named():
    assert len(made("title", documents=20, pool=10).documents) == 20
    with pytest.raises(TooFewDocumentsError, match=r"title at 302 tokens: 26 of 26 test .*documents=30 asks"):
        made("title", documents=30, pool=10)


def test_too_few_documents():
    few = HeldOut([], [document(number) for number in range(LEAST_DOCUMENTS - 1)])
    with pytest.raises(DataError, match=r"9 of 9 test documents are that long and have a title .* at least 10 are"):
        made("title", few)
    assert len(made("title", few, documents=9, pool=9).documents) == 9
    enough = HeldOut([], [document(number) for number in range(LEAST_DOCUMENTS)])
    assert len(made("title", enough).documents) == 10


def test_no_documents_at_all():
    with pytest.raises(DataError, match="cloze at 302 tokens: 0 of 0 test documents"):
        made("cloze", HeldOut([[1] * 5000]))


def test_depths_are_those_of_the_evidence():
    assert set(made("title").depths) == {0}
    assert min(made("section").depths) >= 1
    assert set(made("cloze").depths) == set(range(5))
