"""The evaluation of a reranker whose scores are known; no library is loaded."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.observer import Callbacks
from posembed.quality.evaluate.reranking import DOCUMENTS, POOL, RerankerEvaluator, whole
from posembed.records.evaluate import TASK_NAMES, EvaluateOptions

TEXTS = ["".join(chr(97 + (k * k + number) % 23) for k in range(3000)) for number in range(4)]


class Counts:
    """Counts the query's digits and capitals among the first ``reach`` tokens of the document."""

    special, prompt, stored_limit = 3, "", 300

    def __init__(self, reach, vocabulary="letters"):
        self.reach, self.sizes = reach, []
        self.tokenizer = SimpleNamespace(get_vocab=lambda: {vocabulary: 1})

    def encode(self, text):
        return list(text.encode())

    def decode(self, ids):
        return bytes(ids).decode()

    def scores(self, pairs):
        self.sizes += [len(query) + len(document) + self.special for query, document in pairs]
        heard = [
            sum(token in document[: self.reach] for token in query if 48 <= token < 58 or 65 <= token < 91)
            for query, document in pairs
        ]
        return np.array(heard, dtype=np.float32)


def options(**changed):
    return EvaluateOptions(**{"lengths": (400, 800), "precision": "fp32", "tasks": ("passkey",)} | changed)


def measured(checkpoint, original, usable=(800, 400), said=None, **changed):
    judge = RerankerEvaluator()
    setup = judge.setup(options(**changed), checkpoint, original, usable)
    observer = Callbacks(message=(lambda _: None) if said is None else said.append)
    return judge.measure(checkpoint, original, TEXTS, setup, observer)


def accuracies(results):
    return {(cell.system, cell.length): cell.accuracy.mean for cell in results.cells}


@pytest.fixture(scope="module")
def judged():
    return measured(Counts(9999), Counts(9999))


def test_every_system_reads_what_it_takes(judged):
    found = accuracies(judged)
    assert {name for name, length in found if length == 400} == {"checkpoint", "truncated", "truncated 300", "BM25"}
    assert {name for name, length in found if length == 800} == {
        "checkpoint", "truncated", "truncated 300", "best chunk 400", "BM25",
    }  # fmt: skip
    assert found["checkpoint", 800] > 0.7 > found["truncated", 800] > found["truncated 300", 800]
    assert found["best chunk 400", 800] == pytest.approx(found["checkpoint", 800], abs=0.15)
    assert {cell.documents for cell in judged.cells} == {DOCUMENTS}


def test_inputs_have_the_length_that_is_asked_for():
    checkpoint, original = Counts(9999), Counts(9999)
    measured(checkpoint, original)
    assert max(checkpoint.sizes) <= 800
    assert max(original.sizes) <= 400
    assert max(checkpoint.sizes) > 800 - 64


def test_what_a_document_costs(judged):
    reads = {cell.system: cell.tokens_per_document for cell in judged.cells if cell.length == 800}
    taken = 64 + 3
    assert reads == {
        "checkpoint": 800, "truncated": 400, "truncated 300": 300, "best chunk 400": 800 + 2 * taken, "BM25": 0,
    }  # fmt: skip
    assert {cell.vectors_per_document for cell in judged.cells} == {None}
    assert all(cell.query_ms > 0 for cell in judged.cells)


def test_the_verdict_recommends_and_compares(judged):
    sentences = RerankerEvaluator().verdict(judged)
    assert sentences[0].startswith("passkey at 800 tokens: use ")
    assert "checkpoint − truncated = +0." in sentences[0]
    assert ("passkey", "native") in {(each.task, each.scope) for each in judged.pooled}
    assert judged.fidelity is None
    assert RerankerEvaluator().notes(judged)[0] == "a length counts the query too: a document has 67 tokens less"


def test_without_an_original_nothing_is_measured_twice():
    one = Counts(9999)
    found = accuracies(measured(one, one, (400, 400)))
    assert {name for name, length in found if length == 400} == {"checkpoint", "truncated 300", "BM25"}
    assert {name for name, length in found if length == 800} == {"truncated", "truncated 300", "best chunk 400", "BM25"}


def test_longer_documents_than_the_checkpoint_takes_are_for_the_baselines():
    found = accuracies(measured(Counts(9999), Counts(9999), (799, 400)))
    assert ("checkpoint", 800) not in found
    assert ("truncated", 800) in found


def test_pairs_are_cut_to_fit():
    queries, documents = [[49, 50], [50, 97]], [[97] * 5 + [49, 97], [50] + [97] * 6]
    np.testing.assert_array_equal(whole(Counts(9999), queries, documents, 3 + 2 + 2), [[0, 1], [0, 1]])


def test_defaults_and_what_does_not_fit():
    judge = RerankerEvaluator()
    assert judge.default_lengths(2048, 512) == (512, 1024, 2048)
    made = judge.setup(EvaluateOptions(lengths=(400,), precision="fp32"), Counts(1), Counts(1), (800, 400))
    assert (made.pool, made.documents, made.tasks, made.short) == (POOL, DOCUMENTS, TASK_NAMES, None)
    assert judge.setup(options(pool=7), Counts(1), Counts(1), (800, 400)).documents == 49
    for lengths, usable in (((130, 400), 400), ((400,), 130)):
        with pytest.raises(
            InvalidArgumentError, match="must be at least 131 each, and so must what the original takes"
        ):
            judge.setup(options(lengths=lengths), Counts(1), Counts(1), (800, usable))
    with pytest.raises(InvalidArgumentError, match="`original` has another tokenizer"):
        judge.setup(options(), Counts(1), Counts(1, "words"), (800, 400))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"corpus": "x"}, "a reranker, which would read every document for every query"),
        ({"tasks": ()}, "`tasks` is empty"),
        ({"documents": 15}, "documents=15 must be a multiple of pool=10"),
    ],
)
def test_what_is_refused_before_anything_is_loaded(settings, said):
    with pytest.raises(InvalidArgumentError, match=said):
        RerankerEvaluator().check(EvaluateOptions(**settings))


def test_prompts_are_said():
    model = Counts(9999)
    model.prompt = "ask: "
    assert "the model was given its prompt ('ask: ' before queries)" in measured(model, Counts(9999)).shortages


def test_what_is_done_is_said():
    said = []
    measured(Counts(9999), Counts(9999), said=said)
    assert said == ["passkey at 400 tokens", "passkey at 800 tokens"]
