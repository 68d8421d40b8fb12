"""Documents of an exact length, evidence at a known depth, nothing shared between splits."""

import hashlib
import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import DataError, InvalidArgumentError
from posembed.quality.evaluate.embeddings import POOL
from posembed.quality.tasks.names import FILLERS
from posembed.quality.tasks.retrieval_set import DEPTHS, make_set
from posembed.records.evaluate import EvaluateOptions


def encode(text):
    return list(text.encode())


TEXTS = [np.random.default_rng(number).integers(1000, 50000, 3000).tolist() for number in range(4)]


def words(ids):
    return bytes(ids).decode()


def made(task, length=400, **settings):
    return make_set(task, length, encode, TEXTS, **({"documents": 20, "pool": 10} | settings))


@pytest.mark.parametrize("task", ["passkey", "needle", "paragraph"])
@pytest.mark.parametrize("length", [200, 257, 1000])
def test_every_document_has_the_length(task, length):
    found = made(task, length, special=2)
    assert {len(document) for document in found.documents} == {length - 2}
    assert len(found.documents) == len(found.queries) == len(found.depths) == 20


@pytest.mark.parametrize("task", ["passkey", "needle", "paragraph"])
def test_the_same_call_gives_the_same_documents(task):
    assert made(task) == made(task)
    assert made(task) != made(task, seed=1)
    assert made(task) != made(task, split="validation")


@pytest.mark.parametrize(
    ("task", "split", "digest"),
    [
        ("passkey", "train", "47b2d92728555efd"),
        ("passkey", "validation", "6342d8a7aed8a1ab"),
        ("passkey", "test", "203a594f01a9ca2f"),
        ("needle", "train", "73a0aa5e55bd8634"),
        ("needle", "validation", "360d92d8001998aa"),
        ("needle", "test", "259eb884dc6fa510"),
        ("paragraph", "train", "7c8d7a6948c7e3b1"),
        ("paragraph", "validation", "84472fa625b685b9"),
        ("paragraph", "test", "97bb40519505b0e5"),
    ],
)
def test_documents_are_those_of_stored_results(task, split, digest):
    """Numbers that were published can be made again: other documents would make other numbers."""
    found = made(task, split=split, seed=3)
    content = repr((found.documents, found.queries, found.depths, found.pool))
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == digest


@given(st.integers(1, 4), st.integers(0, 3))
def test_depths_are_even_in_every_pool(pools, seed):
    found = made("passkey", documents=10 * pools, seed=seed)
    for begin in range(0, len(found.depths), 10):
        assert sorted(found.depths[begin : begin + 10]) == sorted(list(range(DEPTHS)) * 2)


def test_a_passkey_lies_where_its_depth_says():
    found = made("passkey", 2000)
    for document, query, depth in zip(found.documents, found.queries, found.depths, strict=True):
        name = words(query).removeprefix("What is the pass key of ").removesuffix("?")
        at = words(document).index(f"The pass key of {name} is")
        room = len(document) - len(f"The pass key of {name} is 12345. Remember it. 12345 is the pass key of {name}.")
        assert depth - 0.01 <= DEPTHS * at / room <= depth + 1.01
        assert words(document).startswith(tuple(filler[:20] for filler in FILLERS["test"])) or at < 20
    assert len({words(query) for query in found.queries}) == 20


@pytest.mark.parametrize("split", list(FILLERS))
def test_each_pool_has_a_filler_of_its_own(split):
    found = made("passkey", 1000, split=split, documents=50)
    evidence = re.compile(r"The pass key of [\w ]+ is \d{5}\. Remember it\. \d{5} is the pass key of [\w ]+\.")
    for number, document in enumerate(found.documents):
        rest, count = evidence.subn("", words(document))
        filler = FILLERS[split][number // 10 % len(FILLERS[split])]
        assert count == 1
        assert rest == (filler * 100)[: len(rest)]


def test_splits_share_no_sentence():
    sentences = {
        split: {sentence.strip(" .") for filler in fillers for sentence in filler.strip().split(". ")}
        for split, fillers in FILLERS.items()
    }
    for one, other in itertools.combinations(sentences.values(), 2):
        assert one.isdisjoint(other)
    assert {len(fillers) for fillers in FILLERS.values()} == {4}


def test_a_needle_is_in_its_own_document_alone():
    found = made("needle")
    for number, query in enumerate(found.queries):
        name = words(query).removeprefix("Where does ").split(" keep ")[0]
        holders = [k for k, document in enumerate(found.documents) if encode(f"{name} keeps") == find(document, name)]
        assert holders == [number]


def find(document, name):
    wanted = encode(f"{name} keeps")
    for at in range(len(document) - len(wanted) + 1):
        if list(document[at : at + len(wanted)]) == wanted:
            return wanted
    return None


def test_a_paragraph_s_query_is_in_its_own_document_alone():
    texts = [list(range(1000, 1000 + 20 * 128 + 2000))]  # every token once
    found = make_set("paragraph", 400, encode, texts, documents=20, pool=10)
    for number, query in enumerate(found.queries):
        assert len(query) == 48
        assert [query[0] in document for document in found.documents] == [k == number for k in range(20)]
        document = found.documents[number]
        at = document.index(query[0])
        assert document[at : at + 48] == query


@pytest.mark.parametrize("task", ["passkey", "needle"])
def test_splits_share_no_name(task):
    def names(split):
        found = make_set(task, 300, encode, TEXTS, split=split, documents=300, pool=100)
        return {
            " ".join(words(query).rstrip("?").split()[-2 if task == "passkey" else 2 :][:2]) for query in found.queries
        }

    every = {split: names(split) for split in ("train", "validation", "test")}
    for one, other in itertools.combinations(every.values(), 2):
        assert len(one) == len(other) == 300
        assert one.isdisjoint(other)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (
            {"task": "haystack"},
            InvalidArgumentError,
            "task='haystack' must be one of title, section, needle",
        ),
        ({"documents": 15}, InvalidArgumentError, "documents=15 must be a multiple of pool=10"),
        ({"pool": 1, "documents": 5}, InvalidArgumentError, "pool=1 must be at least 2"),
        ({"documents": 5000, "pool": 100}, InvalidArgumentError, "more than the 588 names of a split"),
        ({"length": 64}, DataError, "length=64 has no room for the evidence"),
        ({"texts": [[1] * 100], "task": "needle"}, DataError, "924 tokens are missing"),
        ({"texts": [], "task": "paragraph"}, DataError, "the test texts are too short for 20 documents"),
    ],
)
def test_what_cannot_be_is_refused(arguments, error, sentence):
    settings = {"task": "passkey", "length": 400, "encode": encode, "texts": TEXTS, "documents": 20, "pool": 10}
    with pytest.raises(error, match=sentence):
        make_set(**(settings | arguments))


def test_a_passkey_needs_no_text():
    assert len(make_set("passkey", 400, encode, [], documents=20, pool=10).documents) == 20


def test_as_many_documents_as_an_evaluation_by_default():
    found = make_set("passkey", 200, encode, [])
    assert (len(found.documents), found.pool, len(found.documents[0])) == (200, 100, 198)
    assert found == make_set("passkey", 200, encode, [], split="test", seed=0)
    options = EvaluateOptions()
    assert (options.documents, options.pool or POOL, options.seed) == (None, 100, 0)


@pytest.mark.parametrize(("documents", "pool"), [(2, 2), (4, 2)])
def test_the_smallest_pools(documents, pool):
    assert len(made("passkey", documents=documents, pool=pool).documents) == documents


@pytest.mark.parametrize(("documents", "pool"), [(0, 2), (1, 2), (3, 2), (5, 10)])
def test_counts_that_do_not_fit(documents, pool):
    with pytest.raises(InvalidArgumentError, match="must be a multiple of pool"):
        made("passkey", documents=documents, pool=pool)
