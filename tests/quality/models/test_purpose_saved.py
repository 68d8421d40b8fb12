"""Models as sentence-transformers itself saves them, asked about by every command."""

import importlib.util
import json

import pytest

from posembed.quality.models.purpose import kind_name
from tests.fixtures.library_models import save_whole

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is None, reason="no sentence-transformers"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
CLASSES = {
    "CrossEncoder": "a reranker",
    "SparseEncoder": "a sparse encoder",
    "MultiVectorEncoder": "a multi-vector model",
}


@pytest.fixture(params=CLASSES)
def saved(request, embedder, tmp_path):
    """The folder of a model of another class, and what it is."""
    import sentence_transformers

    made = getattr(sentence_transformers, request.param, None)
    if made is None:
        pytest.skip(f"this version has no {request.param}")
    model = made(str(embedder), device="cpu", **({"num_labels": 1} if request.param == "CrossEncoder" else {}))
    save_whole(model, tmp_path / "model")
    return tmp_path / "model", CLASSES[request.param]


def test_what_chooses_or_trains_a_table_refuses_it_by_name(saved, cli, tmp_path, texts):
    model, name = saved
    out = tmp_path / "out"
    for words in (
        ("calibrate", model, out, "--data", texts, "--to", 128),
        ("extend", model, out, "--to", 128, "--data", texts),
    ):
        code, _, told = cli(*words)
        assert (code, f"{model} is {name}" in told.replace("\n", " ")) == (2, True), told
        assert not out.exists()
    code, _, told = cli("extend", model, out, "--to", 128)
    assert code == 0, told
    assert "next: posembed evaluate" in told


def test_a_reranker_is_evaluated(saved, cli, tmp_path, texts):
    """64 positions have no room for a query and a document; twice as many have."""
    model, name = saved
    if name != CLASSES["CrossEncoder"]:
        pytest.skip("gives no scores")
    code, _, told = cli("evaluate", model, "--data", texts)
    assert (code, "a reranker reads query and document as one input" in told.replace("\n", " ")) == (2, True), told
    for name, length in (("old", 256), ("new", 512)):
        assert cli("extend", model, tmp_path / name, "--to", length)[0] == 0
    size = ("--tasks", "passkey", "--documents", 10, "--pool", 5, "--precision", "fp32")
    code, printed, told = cli("evaluate", tmp_path / "new", "--original", tmp_path / "old", "--data", texts, *size)
    assert code == 0, told
    assert "Verdict: passkey at 512 tokens: use " in printed
    assert "Note: a length counts the query too" in printed


def test_a_sparse_encoder_is_evaluated_by_every_system(masked, cli, tmp_path, texts):
    from sentence_transformers import SparseEncoder

    save_whole(SparseEncoder(str(masked), device="cpu"), tmp_path / "old")
    assert cli("extend", tmp_path / "old", tmp_path / "new", "--to", 256)[0] == 0
    code, printed, told = cli(
        "evaluate", tmp_path / "new", "--original", tmp_path / "old", "--data", texts, "--tasks", "passkey",
        "--documents", 10, "--pool", 5, "--precision", "fp32", "--lengths", "128,256", "--json",
    )  # fmt: skip
    assert code == 0, told
    record = json.loads(printed)
    assert record["kind"] == "sparse"
    systems = {cell["system"] for cell in record["cells"]}
    assert systems >= {
        "checkpoint",
        "truncated",
        "chunks averaged",
        "first + average 64",
        "best chunk 64",
        "word vectors",
    }
    assert not any(name.startswith("late chunk") for name in systems)
    assert any("late chunks were not measured" in note and "SpladePooling" in note for note in record["notes"])
    assert any("dot product" in note for note in record["notes"])
    assert record["fidelity"]["texts"] == 10


def test_a_multi_vector_model_is_evaluated(embedder, cli, tmp_path, texts):
    import sentence_transformers

    if not hasattr(sentence_transformers, "MultiVectorEncoder"):
        pytest.skip("this version has no MultiVectorEncoder")
    save_whole(sentence_transformers.MultiVectorEncoder(str(embedder), device="cpu"), tmp_path / "saved")
    for name, length in (("old", 128), ("new", 256)):
        assert cli("extend", tmp_path / "saved", tmp_path / name, "--to", length)[0] == 0
    code, printed, told = cli(
        "evaluate", tmp_path / "new", "--original", tmp_path / "old", "--data", texts, "--tasks", "passkey",
        "--documents", 10, "--pool", 5, "--precision", "fp32", "--json",
    )  # fmt: skip
    assert code == 0, told
    record = json.loads(printed)
    assert record["kind"] == "multi-vector"
    cells = {(cell["system"], cell["length"]) for cell in record["cells"]}
    assert cells >= {("checkpoint", 256), ("truncated", 256), ("best chunk 128", 256), ("BM25", 256)}
    assert ("truncated", 128) in cells  # what the original takes


def test_an_embedding_model_is_one(embedder, tmp_path, monkeypatch):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(embedder), device="cpu")
    monkeypatch.setattr(type(model), "_create_model_card", lambda *_, **__: None)
    model.save_pretrained(str(tmp_path / "model"))
    assert kind_name(tmp_path / "model") == "embedding"
