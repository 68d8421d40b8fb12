"""A folder of sentence-transformers embeds texts, with its own tokenizer and limits."""

import pytest

from posembed import extend_checkpoint
from posembed.errors import ModelCheckError
from posembed.extension.check import sentence_models
from posembed.extension.check.sentence_models import embedded, reads
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


def test_vectors(embedder):
    vector = embedded(embedder, 600)
    assert vector.shape == (32,)
    assert vector.equal(embedded(embedder, 600))


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
    real = sentence_models.embedded
    monkeypatch.setattr(sentence_models, "embedded", lambda folder, n: real(folder, n) + ("partial" in str(folder)))
    with pytest.raises(ModelCheckError, match="a short text embedded by sentence-transformers gives other outputs"):
        extend_checkpoint(embedder, tmp_path / "out", 600, check="run")
