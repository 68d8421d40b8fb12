"""Vectors are those of Transformers and of sentence-transformers on the same files."""

import importlib.util
import json
import shutil

import numpy as np
import pytest
import torch
import transformers

from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.kinds import kind_of
from posembed.quality.models.position_table import usable_length

SENTENCES = ["the cat sat on the mat .", "dog", "the man bit the dog and ran under the house .", "a a a a a a a a a"]


@pytest.fixture(scope="module")
def embedder(example_checkpoints):
    return load_embedder(example_checkpoints / "my-embedder")


def test_mean_pooling_by_hand(embedder, example_checkpoints):
    tokenizer = transformers.AutoTokenizer.from_pretrained(example_checkpoints / "my-embedder")
    model = transformers.AutoModel.from_pretrained(example_checkpoints / "my-embedder").eval()
    found = embedder.embed([embedder.encode(sentence) for sentence in SENTENCES])
    for sentence, vector in zip(SENTENCES, found, strict=True):
        with torch.no_grad():
            states = model(**tokenizer(sentence, return_tensors="pt")).last_hidden_state[0]
        wanted = torch.nn.functional.normalize(states.mean(dim=0), dim=0)
        np.testing.assert_allclose(vector, wanted.numpy(), atol=1e-5)


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is None, reason="no sentence-transformers")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_as_sentence_transformers(embedder, example_checkpoints):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(example_checkpoints / "my-embedder"), device="cpu")
    wanted = model.encode(SENTENCES, normalize_embeddings=True)
    np.testing.assert_allclose(embedder.embed([embedder.encode(s) for s in SENTENCES]), wanted, atol=1e-5)


def test_batches_change_nothing(embedder, monkeypatch):
    texts = [list(range(5, 5 + size % 50)) for size in (7, 3, 40, 21, 1, 33)]
    together = embedder.embed(texts)
    monkeypatch.setattr("posembed.quality.models.embedder._TOKENS_AT_ONCE", 1)
    np.testing.assert_allclose(embedder.embed(texts), together, atol=1e-5)


def test_truncated_and_chunked(embedder):
    text = [7 + number % 15 for number in range(90)]
    np.testing.assert_array_equal(embedder.embed_truncated([text], 32), embedder.embed([text[:30]]))
    parts = embedder.embed([text[:30], text[30:60], text[60:]])
    mean = parts.mean(axis=0)
    np.testing.assert_allclose(embedder.embed_chunked([text], 32)[0], mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(embedder.embed_chunked([text[:20]], 32), embedder.embed([text[:20]]), atol=1e-6)


def test_cls_pooling_is_read_from_the_files(example_checkpoints, tmp_path):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "cls")
    modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes), encoding="utf-8")
    embedder = load_embedder(folder)
    assert embedder.pooling == "cls"
    ids = embedder.encode(SENTENCES[0])
    with torch.no_grad():
        states = embedder.model(input_ids=torch.tensor([[2, *ids, 3]])).last_hidden_state[0, 0]
    np.testing.assert_allclose(
        embedder.embed([ids])[0], torch.nn.functional.normalize(states, dim=0).numpy(), atol=1e-5
    )


def test_a_stored_limit_does_not_cut(example_checkpoints, tmp_path):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "cut")
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["truncation"] = {"max_length": 8, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    assert len(load_embedder(folder).encode("the cat " * 50)) == 100


def test_kinds(example_checkpoints, tmp_path):
    assert kind_of(example_checkpoints / "my-embedder").name == "embedding"
    assert kind_of(example_checkpoints / "my-gpt2").name == "causal"
    transformers.BertForMaskedLM(
        transformers.BertConfig(
            hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=32
        )
    ).save_pretrained(tmp_path / "masked")
    assert kind_of(tmp_path / "masked").name == "masked"
    with pytest.raises(InvalidArgumentError, match="holds ViTForImageClassification"):
        kind_of(example_checkpoints / "my-vit")
    with pytest.raises(InvalidArgumentError, match=r"has no config\.json"):
        kind_of(tmp_path)


def test_usable_lengths(example_checkpoints):
    assert usable_length(example_checkpoints / "my-embedder") == 512
    assert usable_length(example_checkpoints / "my-roberta") == 512
    with pytest.raises(InvalidArgumentError, match="has no learned position table of a sequence"):
        usable_length(example_checkpoints / "my-vit")


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), InvalidArgumentError, r"has no tokenizer\.json"),
        (lambda f: (f / "model.safetensors").write_bytes(b"x"), CheckpointError, "cannot be loaded"),
        (lambda f: (f / "modules.json").write_text("{"), CheckpointError, r"modules\.json cannot be read"),
        (
            lambda f: (f / "modules.json").write_text('[{"type": "sentence_transformers.models.Dense", "path": ""}]'),
            InvalidArgumentError,
            "has the module Dense",
        ),
        (
            lambda f: (f / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}'),
            InvalidArgumentError,
            "pools by pooling_mode_max_tokens",
        ),
    ],
)
def test_what_cannot_be_loaded(example_checkpoints, tmp_path, spoil, error, sentence):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "spoilt")
    spoil(folder)
    with pytest.raises(error, match=sentence):
        load_embedder(folder)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_taken_in_float32(example_checkpoints, tmp_path, dtype):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "half")
    transformers.AutoModel.from_pretrained(folder).to(dtype).save_pretrained(folder)
    for precision in ("fp32", "bf16"):
        embedder = load_embedder(folder, precision=precision)
        assert embedder.in_float32().model.dtype == torch.float32
        assert np.isfinite(embedder.embed([[7, 8, 9]])).all()


def test_mpnet(example_checkpoints, tmp_path):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "mpnet")
    config = transformers.MPNetConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=64
    )
    transformers.MPNetModel(config).save_pretrained(folder)
    assert load_embedder(folder).embed([[7, 8, 9]]).shape == (1, 32)


@pytest.mark.parametrize(("written", "pooling"), [("mean", "mean"), (["cls"], "cls")])
def test_pooling_as_newer_versions_write_it(example_checkpoints, tmp_path, written, pooling):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "new")
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": written}), encoding="utf-8")
    assert load_embedder(folder).pooling == pooling
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": ["mean", "cls"]}), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="pools by mean, cls"):
        load_embedder(folder)


def test_a_default_prompt_is_refused(example_checkpoints, tmp_path):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "prompt")
    content = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="puts the prompt 'query' before every text"):
        load_embedder(folder)


def test_special_tokens_stand_where_the_tokenizer_puts_them(embedder, example_checkpoints):
    assert (embedder.prefix, embedder.suffix) == ([2], [3])
    embedder.tokenizer.encode("the")
    from tokenizers import Tokenizer, processors

    from posembed.quality.models.embedder import Embedder

    tokenizer = Tokenizer.from_file(str(example_checkpoints / "my-embedder" / "tokenizer.json"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A [SEP]", special_tokens=[("[SEP]", 3)])
    only_end = Embedder(embedder.model, tokenizer)
    assert (only_end.prefix, only_end.suffix) == ([], [3])
