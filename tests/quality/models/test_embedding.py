"""Vectors of loaded checkpoints are those of Transformers and of sentence-transformers on the same files."""

import importlib.util
import json
import shutil

import numpy as np
import pytest
import torch
import transformers

from posembed.errors import InvalidArgumentError
from posembed.quality.models import embedding
from posembed.quality.models.embedding import EMBEDDING, load_embedder
from posembed.quality.models.head import PlainHead
from posembed.quality.models.library import LibraryHead, has_library

SENTENCES = ["the cat sat on the mat .", "dog", "the man bit the dog and ran under the house .", "a a a a a a a a a"]


@pytest.fixture(scope="module", params=[True, False])
def embedder(request, example_checkpoints):
    """By sentence-transformers where it is installed, and without it."""
    if request.param and not has_library():
        pytest.skip("no sentence-transformers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "has_library", lambda: request.param)
        yield load_embedder(example_checkpoints / "my-embedder")


@pytest.fixture
def without_library(monkeypatch):
    monkeypatch.setattr(embedding, "has_library", lambda: False)


def test_who_loads_it(embedder, request):
    by_library = request.node.callspec.params["embedder"]
    assert isinstance(embedder.head, LibraryHead if by_library else PlainHead)
    assert embedder.pooling == "mean"


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


def test_cls_pooling_is_read_from_the_files(example_checkpoints, tmp_path, without_library):
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


def test_what_needs_the_library_is_refused_without_it(example_checkpoints, tmp_path, without_library):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "max")
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "max"}), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=r'pools by max; .* run  pip install "posembed\[quality\]"'):
        load_embedder(folder)
    assert load_embedder(folder, pooling="cls").pooling == "cls"


@pytest.mark.parametrize("library", [True, False])
def test_prompts_are_read_either_way(example_checkpoints, tmp_path, monkeypatch, library):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "prompts")
    stored = {"prompts": {"query": "the cat ", "passage": "dog "}, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(stored), encoding="utf-8")
    if library and not has_library():
        pytest.skip("no sentence-transformers")
    monkeypatch.setattr(embedding, "has_library", lambda: library)
    found = load_embedder(folder)
    assert (found.special, found.query_special) == (3, 4)
    ids = found.encode("the mat")
    with torch.no_grad():
        states = found.model(input_ids=torch.tensor([[2, *found.encode("dog the mat"), 3]])).last_hidden_state[0]
    wanted = torch.nn.functional.normalize(states.mean(dim=0), dim=0)
    np.testing.assert_allclose(found.embed([ids])[0], wanted.numpy(), atol=1e-6)
    (short,) = found.cut([[*ids, *ids]], 5)
    assert [len(part) for part in short] == [2, 2]


def test_mpnet(example_checkpoints, tmp_path):
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path / "mpnet")
    config = transformers.MPNetConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, vocab_size=64
    )
    transformers.MPNetModel(config).save_pretrained(folder)
    assert load_embedder(folder).embed([[7, 8, 9]]).shape == (1, 32)


def test_the_kind_loads_with_the_files_own_pooling(monkeypatch, tmp_path, letters, states):
    monkeypatch.setattr(embedding, "load_files", lambda *_, **__: (states, letters()))
    monkeypatch.setattr(embedding, "read_pooling", lambda _: "cls")
    made = EMBEDDING.load(tmp_path, "bf16")
    assert (made.pooling, made.precision, made.model) == ("cls", "bf16", states)
    assert load_embedder(tmp_path, pooling="mean").pooling == "mean"
    assert load_embedder(tmp_path).precision == EMBEDDING.load(tmp_path).precision == "fp32"


def test_prose_is_read(monkeypatch):
    monkeypatch.setattr(embedding, "load_texts", lambda data: {"test": [data]})
    assert EMBEDDING.read_texts("prose") == {"test": ["prose"]}


def test_a_transformer_in_a_folder_of_its_own(example_checkpoints, tmp_path):
    """As sentence-transformers wrote models before version 2."""
    source = example_checkpoints / "my-embedder"
    folder = shutil.copytree(source, tmp_path / "old")
    (folder / "0_Transformer").mkdir()
    for file in [*folder.glob("config.json"), *folder.glob("tok*.json"), folder / "model.safetensors"]:
        file.rename(folder / "0_Transformer" / file.name)
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    old, new = (load_embedder(place).embed([[7, 8, 9]]) for place in (folder, source))
    assert (old == new).all()
