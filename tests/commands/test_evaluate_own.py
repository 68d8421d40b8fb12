"""Own documents, queries and judgments, end to end."""

import json

import pytest

from posembed import evaluate, extend_checkpoint
from posembed.errors import DataError, InvalidArgumentError
from posembed.records.evaluation import Evaluation

WORDS = (
    *("the", "a", "cat", "dog", "man", "sat", "ran", "bit", "on", "under", "mat", "house", "of", "and"),
    *("positions", "tell", "which", "word", "comes", "first"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sixteen documents of 40 and 700 words, the query of each two words of its own.

    Wilcoxon's test goes through all signs of up to thirteen differences, which took most of the time with twelve.
    """
    root = tmp_path_factory.mktemp("own")
    (root / "qrels").mkdir()
    documents, queries, judgments = [], [], ["query-id\tcorpus-id\tscore"]
    for number in range(16):
        body = " ".join(WORDS[(number * 7 + k * k) % len(WORDS)] for k in range(700 if number % 2 else 40))
        documents.append({"_id": f"d{number}", "title": f"page {number}", "text": body})
        queries.append({"_id": f"q{number}", "text": f"page {number} {WORDS[number]}"})
        judgments.append(f"q{number}\td{number}\t1")
    for name, rows in (("corpus", documents), ("queries", queries)):
        (root / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (root / "qrels" / "test.tsv").write_text("\n".join(judgments), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for number in range(40):
        body = " ".join(WORDS[(number * 3 + k * k) % len(WORDS)] for k in range(200))
        (root / f"{number}.txt").write_text(body, encoding="utf-8")
    return str(root)


@pytest.fixture(scope="module")
def found(example_checkpoints, folder, data, tmp_path_factory):
    pytest.importorskip("pytrec_eval")
    out = tmp_path_factory.mktemp("longer") / "out"
    extend_checkpoint(example_checkpoints / "my-embedder", out, 640, method="tile", range=200)
    return evaluate(
        out,
        original=example_checkpoints / "my-embedder",
        corpus=folder,
        data=data,
        precision="fp32",
        documents=10,
        pool=10,
    )


def test_every_system_ranks_all_documents(found):
    own = found.results.own
    assert (own.documents, own.queries, own.unjudged, own.cut_queries) == (16, 16, 0, 0)
    assert own.cut == 8, "they are longer than 640 tokens"
    systems = {cell.system for cell in own.cells}
    assert {"checkpoint", "truncated", "chunks averaged", "word vectors", "best chunk 128"} <= systems
    assert {(cell.lengths and cell.lengths.most, cell.queries) for cell in own.cells} == {
        (None, 16),
        (128, 8),
        (1024, 8),
    }
    assert {each.second for each in own.comparisons} == systems - {"checkpoint"}
    assert all(0 <= cell.ndcg_at_10.mean <= 1 for cell in own.cells)


def test_tasks_are_run_only_if_they_are_named(found, example_checkpoints, folder, data):
    assert [cell.task for cell in found.results.cells if cell.task in ("title", "needle")] == []
    assert found.configuration.tasks == ()
    both = evaluate(
        example_checkpoints / "my-embedder", corpus=folder, data=data, tasks=["passkey"], lengths=[128],
        documents=2, pool=2, precision="fp32",
    )  # fmt: skip
    assert {cell.task for cell in both.results.cells} == {"passkey"}
    assert both.results.own.documents == 16


def test_the_verdict_says_what_is_best_and_what_was_cut(found):
    assert found.verdict[0].startswith("Your data (16 queries, 16 documents): ")
    assert any("8 of 16 documents are longer than the checkpoint takes" in sentence for sentence in found.verdict)


def test_results_become_json_and_come_back(found):
    stored = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert stored["own"]["documents"] == 16
    assert Evaluation.from_dict(stored) == found


def test_the_command_prints_the_numbers(cli, example_checkpoints, folder):
    pytest.importorskip("pytrec_eval")
    code, printed, told = cli(
        "evaluate", example_checkpoints / "my-embedder", "--corpus", folder, "--precision", "fp32"
    )
    assert code == 0, told
    assert "Your data: 16 queries, each over 16 documents" in printed
    assert "nDCG@10" in printed


def test_a_duplicate_is_refused_before_anything_is_loaded(cli, example_checkpoints, folder, tmp_path):
    bad = tmp_path / "corpus.jsonl"
    bad.write_text('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n', encoding="utf-8")
    code, printed, told = cli(
        "evaluate", example_checkpoints / "my-embedder", "--corpus", bad, "--queries", folder / "queries.jsonl",
        "--qrels", folder / "qrels" / "test.tsv",
    )  # fmt: skip
    assert (code, printed) == (2, "")
    assert told.strip() == f"posembed: {bad}:2: the document 'a' is there twice; ids must differ"


def test_options_that_do_not_fit(example_checkpoints, folder):
    embedder = example_checkpoints / "my-embedder"
    with pytest.raises(InvalidArgumentError, match="`qrels` goes with `corpus`"):
        evaluate(embedder, qrels=folder / "qrels" / "test.tsv")
    with pytest.raises(DataError, match="no such file"):
        evaluate(embedder, corpus=folder, queries=folder / "absent.jsonl")
    with pytest.raises(InvalidArgumentError, match="need a sentence-embedding model"):
        evaluate(example_checkpoints / "my-gpt2", corpus=folder)
