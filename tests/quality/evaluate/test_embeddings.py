"""The evaluation of an embedder whose vectors are known; no library is loaded."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.observer import Callbacks
from posembed.quality.evaluate.embeddings import LENGTHS, SHORT, EmbeddingEvaluator, evaluate_embeddings, reading
from posembed.quality.models.prompts import NO_PROMPTS, Prompts
from posembed.records.evaluate import TASK_NAMES, EvaluateOptions
from posembed.records.evaluation import EvaluationSetup

TEXTS = ["".join(chr(97 + (k * k + number) % 23) for k in range(3000)) for number in range(4)]


class Bag:
    """Hears digits and capitals among the first ``reach`` tokens."""

    special = 2
    query_special = 2
    prompts = NO_PROMPTS
    similarity = "cosine"
    stored_limit = 90
    has_late_chunks = True

    def __init__(self, reach, width=8, vocabulary="letters"):
        self.reach, self.precision = reach, "bf16"
        self.model = SimpleNamespace(config=SimpleNamespace(hidden_size=width))
        self.tokenizer = SimpleNamespace(get_vocab=lambda: {vocabulary: 1})

    def encode(self, text):
        return list(text.encode())

    def in_float32(self):
        exact = Bag(self.reach)
        exact.precision = "fp32"
        return exact

    def embed(self, texts, **_side):
        vectors = np.full((len(texts), 257), 1e-3, dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            heard = [token for token in text[: self.reach] if 48 <= token < 58 or 65 <= token < 91]
            np.add.at(row, heard, 1.0)
            row[97] += len(text) * (1e-3 if self.precision == "fp32" else 0)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def embed_truncated(self, texts, length):
        return self.embed([text[: length - 2] for text in texts])

    def embed_late(self, texts, lengths):
        return self.embed(texts), {n: [self.embed(parts) for parts in self.cut(texts, n)] for n in lengths}

    def cut(self, texts, length):
        return [[text[at : at + length - 2] for at in range(0, len(text), length - 2)] for text in texts]

    def scaled(self, vectors):
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def decode(self, ids):
        return bytes(ids).decode()

    def input_vectors(self):
        return np.eye(257, dtype=np.float32)


def setup(**changed):
    usual = {"data": "x", "lengths": (100, 300, 700), "documents": 20, "seed": 0, "precision": "fp32"}
    usual |= {"usable_length": 400, "original_usable_length": 200, "tasks": ("passkey",), "pool": 10, "short": 30}
    return EvaluationSetup(**usual | changed)


@pytest.fixture(scope="module")
def measured():
    said = []
    results = evaluate_embeddings(Bag(400), Bag(200), TEXTS, setup(), Callbacks(message=said.append))
    return results, said


def by_place(results):
    """Accuracy by system and length."""
    return {(cell.system, cell.length): cell.accuracy.mean for cell in results.cells}


ALWAYS = {"truncated", "truncated 90", "word vectors", "BM25"}
BY_CHUNKS = {f"{kind} 128" for kind in ("chunks averaged", "first + average", "best chunk")}
BY_LONG_CHUNKS = {"chunks averaged", "first + average 200", "best chunk 200"}


def test_who_is_measured_at_which_length(measured):
    by_length = {length: {name for name, n in by_place(measured[0]) if n == length} for length in (100, 300, 700)}
    assert by_length[100] == ALWAYS | {"checkpoint"}
    assert by_length[300] == by_length[700] | {"checkpoint", "late chunk 128", "late chunk 200"}
    assert by_length[700] == ALWAYS | BY_CHUNKS | BY_LONG_CHUNKS
    assert {cell.documents for cell in measured[0].cells} == {20}
    compared = {(each.length, each.second) for each in measured[0].comparisons}
    assert {name for length, name in compared if length == 100} == ALWAYS
    assert {name for length, name in compared if length == 300} == by_length[300] - {"checkpoint"}
    assert 700 not in {length for length, _ in compared}


def test_documents_and_queries_are_by_the_same_system(measured):
    found = by_place(measured[0])
    assert found["checkpoint", 300] > found["truncated", 300] > found["truncated 90", 300]
    assert found["checkpoint", 100] == found["truncated", 100] == 1
    assert found["truncated", 700] < 0.6
    assert found["best chunk 128", 300] > found["truncated", 300]


def test_what_a_search_costs(measured):
    cells = {cell.system: cell for cell in measured[0].cells if cell.length == 300}
    assert (cells["checkpoint"].vectors_per_document, cells["checkpoint"].tokens_per_document) == (1, 300)
    assert (cells["best chunk 128"].vectors_per_document, cells["best chunk 128"].tokens_per_document) == (3, 304)
    assert (cells["BM25"].vectors_per_document, cells["BM25"].tokens_per_document) == (None, 0)
    assert all(cell.query_ms > 0 for cell in cells.values())


def test_what_to_use_is_said(measured):
    overall, one, several = measured[0].recommendations
    assert (overall.budget, overall.system, overall.lengths) == ("any", "BM25", (300,))
    assert one.budget == "one vector"
    assert several.budget == "several vectors"
    assert {each.scope for each in measured[0].pooled} == {"longer", "native"}


def test_without_the_library_of_bm25_the_others_go_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "bm25s", None)
    said = []
    found = evaluate_embeddings(Bag(400), Bag(200), TEXTS, setup(lengths=(300,)), Callbacks(message=said.append))
    assert {cell.system for cell in found.cells} > {"checkpoint", "truncated", "word vectors", "best chunk 128"}
    assert "BM25" not in {cell.system for cell in found.cells}
    (sentence, *_) = EmbeddingEvaluator().notes(found)
    assert sentence.endswith('run  pip install "posembed[quality]"')
    assert said[0] == sentence


def test_short_inputs_are_compared_in_float32(measured):
    fidelity = measured[0].fidelity
    assert (fidelity.texts, fidelity.longest, fidelity.equal) == (20, 30, 20)


def test_what_is_done_is_said(measured):
    assert measured[1] == [*(f"passkey at {n} tokens" for n in (100, 300, 700)), "short inputs"]


@pytest.mark.parametrize(("usable", "own"), [(200, {100}), (300, {100, 300}), (299, {100})])
def test_its_own_original_is_measured_once_where_nothing_is_cut(usable, own):
    embedder = Bag(200)
    sizes = setup(usable_length=usable, original_usable_length=usable)
    found = by_place(evaluate_embeddings(embedder, embedder, TEXTS, sizes))
    assert {length for system, length in found if system == "checkpoint"} == own
    assert {length for system, length in found if system == "truncated"} == {100, 300, 700} - own
    assert {length for system, length in found if system == "word vectors"} == {100, 300, 700}


def test_a_checkpoint_without_an_original_claims_no_fidelity():
    embedder = Bag(200)
    sizes = setup(usable_length=200, original_usable_length=200, lengths=(100,))
    found = evaluate_embeddings(embedder, embedder, TEXTS, sizes)
    assert found.fidelity is None
    assert EmbeddingEvaluator().verdict(found, compared=False) == (
        "No original was given: how the checkpoint differs from it is not measured",
    )


SENTENCES = ["The number {0} is here with others. It has the name {1} in all lists.\n\n" for _ in range(1)]


def test_short_texts_are_searched_with_an_original():
    texts = ["".join(SENTENCES[0].format(k, chr(65 + k)) for k in range(20)), *TEXTS]
    found = evaluate_embeddings(Bag(400), Bag(200), texts, setup(lengths=(300,), short=60))
    cells = {cell.system: cell for cell in found.cells if cell.task == "short texts"}
    assert set(cells) == ALWAYS - {"truncated 90"} | {"checkpoint"}
    assert {(cell.length, cell.documents) for cell in cells.values()} == {(62, 20)}
    assert ("short texts", "native", "checkpoint", "truncated") in {
        (each.task, each.scope, each.first, each.second) for each in found.pooled
    }
    assert found.shortages == ()


def test_seeds_and_splits_draw_other_documents():
    first, other, split = (
        evaluate_embeddings(Bag(200), Bag(150), TEXTS, setup(lengths=(300,), **changed)).to_dict()
        for changed in ({}, {"seed": 1}, {"split": "validation"})
    )
    for each in (first, other, split):
        for cell in each["cells"]:
            del cell["query_ms"]
    assert first != other
    assert first != split


def test_the_verdict_says_what_to_use(measured):
    longer, native, short = EmbeddingEvaluator().verdict(measured[0])
    assert longer.startswith("passkey at 300 tokens: use BM25 (no vectors), 1.00 (1.00 to 1.00); with one vector per")
    assert "checkpoint − truncated = +" in longer
    assert native == (
        "passkey at 100 tokens, which the original takes: checkpoint − truncated = +0.00 (+0.00 to +0.00), no "
        "significant difference"
    )
    assert short == (
        "Short inputs (up to 30 tokens): cosine to the original 1.0000, minimum 1.0000; 20 of 20 vectors equal bit for "
        "bit"
    )


def test_lengths_and_tasks():
    evaluator = EmbeddingEvaluator()
    assert evaluator.default_lengths(1, 2) == LENGTHS == (128, 256, 512, 1024, 2048, 4096)
    evaluator.check(EvaluateOptions())
    with pytest.raises(InvalidArgumentError, match="`tasks` is empty; choose from title, section, needle"):
        evaluator.check(EvaluateOptions(tasks=()))


def options(**changed):
    return EvaluateOptions(lengths=(128,), precision="fp32", **changed)


@pytest.mark.parametrize(
    ("usable", "short"), [((512, 512), SHORT), ((128, 512), 126), ((512, 100), 98), ((64, 512), 62)]
)
def test_short_texts_fit_both_models(usable, short):
    made = EmbeddingEvaluator().setup(options(), Bag(1), Bag(1), usable)
    assert made.short == short
    assert (made.usable_length, made.original_usable_length) == usable
    assert (made.tasks, made.pool) == (TASK_NAMES, 100)
    assert SHORT == 126
    assert EmbeddingEvaluator().setup(options(short=short), Bag(1), Bag(1), usable).short == short


def test_short_texts_that_do_not_fit():
    with pytest.raises(InvalidArgumentError, match="short=63 must be between 1 and 62"):
        EmbeddingEvaluator().setup(options(short=63), Bag(1), Bag(1), (64, 128))
    with pytest.raises(InvalidArgumentError, match="short=0 must be at least 1"):
        options(short=0)
    assert EmbeddingEvaluator().setup(options(short=1), Bag(1), Bag(1), (64, 128)).short == 1


def with_prompts(taken, **sides):
    one = Bag(1)
    one.special = one.query_special = taken
    one.prompts = Prompts(**sides)
    return one


def test_prompts_leave_room_for_a_query_and_short_texts():
    one = with_prompts(30, query="which one? ")
    assert EmbeddingEvaluator().setup(options(), one, one, (94, 128)).short == 64
    with pytest.raises(
        InvalidArgumentError, match=r"\('which one\? ' before queries.*\) take up to 30 of its 93 tokens"
    ):
        EmbeddingEvaluator().setup(options(), one, one, (93, 128))


def test_how_the_model_was_read_is_said():
    one = with_prompts(2, document="text: ")
    assert reading(Bag(1)) == ()
    assert reading(one) == (
        "the model was given its prompts (none before queries, 'text: ' before documents); lengths count them",
    )
    one.similarity = "dot"
    assert reading(one)[1] == "vectors were compared by dot product, as the model's files say"
    found = evaluate_embeddings(one, Bag(200), TEXTS, setup(lengths=(100,)))
    assert set(reading(one)) < set(EmbeddingEvaluator().notes(found))


@pytest.mark.parametrize("other", [Bag(1, width=9), Bag(1, vocabulary="words")])
def test_another_model_is_not_an_original(other):
    with pytest.raises(InvalidArgumentError, match="`original` has another tokenizer or width"):
        EmbeddingEvaluator().setup(options(), Bag(1), other, (64, 64))


def test_measure_is_the_function(measured):
    again = EmbeddingEvaluator().measure(Bag(400), Bag(200), TEXTS, setup())
    assert again == measured[0]


@pytest.mark.parametrize(
    ("documents", "pool", "said"),
    [
        (0, 100, "documents=0 must be at least 1"),
        (-4, 2, "documents=-4 must be at least 1"),
        (200, 0, "pool=0 must be at least 2"),
        (200, 7, "must be a multiple of pool"),
    ],
)
def test_documents_that_make_no_whole_pools_are_refused_before_anything_is_loaded(documents, pool, said):
    with pytest.raises(InvalidArgumentError, match=said):
        EmbeddingEvaluator().check(EvaluateOptions(documents=documents, pool=pool))
