"""A folder of sentence-transformers embeds texts or scores pairs, with its own class, tokenizer and limits."""

import json

import pytest

from posembed import extend_checkpoint
from posembed.errors import ModelCheckError
from posembed.extension.check import sentence_models
from posembed.extension.check.sentence_models import reads, result, use_of
from tests.extension.check.test_child import in_this_process

pytest.importorskip("sentence_transformers")
pytestmark = [pytest.mark.model_check, pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("in_this_process")]

__all__ = ["in_this_process"]


@pytest.fixture
def embedder(example_checkpoints):
    """512 positions, and a tokenizer that cuts there."""
    return example_checkpoints / "my-embedder"


def test_reads(embedder, example_checkpoints):
    assert reads(embedder)
    assert not reads(example_checkpoints / "my-gpt2")


@pytest.mark.parametrize(
    ("name", "does"),
    [
        ("SentenceTransformer", "embeds a short and a long text"),
        ("SparseEncoder", "embeds a short and a long text"),
        ("CrossEncoder", "scores a short and a long pair of texts"),
        ("ColBERT", None),
        ("MultiVectorEncoder", None),
    ],
)
def test_the_class_that_wrote_a_folder(tmp_path, name, does):
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"model_type": name}))
    assert reads(tmp_path) is (does is not None)
    assert does is None or use_of(tmp_path).does == does


def test_vectors(embedder):
    vector = result(embedder, 600)
    assert vector.shape == (32,)
    assert vector.equal(result(embedder, 600))


def test_a_copy_that_embeds(embedder, tmp_path):
    checked = extend_checkpoint(embedder, tmp_path / "out", 600, check="run").checked
    assert checked.outcome == "loads and runs"
    assert checked.reason.endswith(", and sentence-transformers embeds a short and a long text")


def test_a_limit_beyond_the_table(embedder, tmp_path, monkeypatch):
    """The model itself runs at its length; only the folder's own limit lets longer texts in."""
    from posembed.extension import write

    def beyond(target, content, like):
        if target.name in ("tokenizer_config.json", "sentence_bert_config.json"):
            content = {name: 2000 if name.startswith(("max_", "model_max")) else old for name, old in content.items()}
        original(target, content, like)

    original = write._write_json
    monkeypatch.setattr(write, "_write_json", beyond)
    with pytest.raises(ModelCheckError, match="sentence-transformers embeds no batch of a short and a long text: "):
        extend_checkpoint(embedder, tmp_path / "out", 600, check="run")


def test_another_vector(embedder, tmp_path, monkeypatch):
    real = sentence_models.result
    monkeypatch.setattr(sentence_models, "result", lambda folder, n: real(folder, n) + ("partial" in str(folder)))
    with pytest.raises(ModelCheckError, match="a short text embedded by sentence-transformers gives other outputs"):
        extend_checkpoint(embedder, tmp_path / "out", 600, check="run")


@pytest.fixture
def reranker(embedder, tmp_path, monkeypatch):
    """A CrossEncoder as the library saves it, with a modules.json."""
    import sentence_transformers

    model = sentence_transformers.CrossEncoder(str(embedder), device="cpu", num_labels=1)
    monkeypatch.setattr(type(model), "_create_model_card", lambda *_, **__: None)
    model.save_pretrained(str(tmp_path / "reranker"))
    if not reads(tmp_path / "reranker"):
        pytest.skip("this version saves a CrossEncoder without modules")
    return tmp_path / "reranker"


def test_a_reranker_scores_pairs(reranker, tmp_path, monkeypatch):
    checked = extend_checkpoint(reranker, tmp_path / "out", 600, check="run").checked
    assert checked.outcome == "loads and runs"
    assert checked.reason.endswith(", and sentence-transformers scores a short and a long pair of texts")
    real = sentence_models.result
    monkeypatch.setattr(sentence_models, "result", lambda folder, n: real(folder, n) + ("partial" in str(folder)))
    with pytest.raises(ModelCheckError, match="a short pair of texts scored by sentence-transformers gives other outp"):
        extend_checkpoint(reranker, tmp_path / "again", 600, check="run")
