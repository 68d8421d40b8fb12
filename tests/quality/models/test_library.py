"""Vectors are those of sentence-transformers, whatever its modules are; models are saved by the library itself."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from posembed import extend_checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.extension import length_aware
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.head import States
from posembed.quality.models.library import LibraryHead, has_library, load_modules
from tests.fixtures.library_models import save_modules
from tests.fixtures.small_models import WORDS

pytestmark = [
    pytest.mark.skipif(not has_library(), reason="no sentence-transformers"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
KEY = "embeddings.position_embeddings.weight"
# Short, as long as the old table of 64 positions, and as the new one.
LENGTHS = (1, 6, 30, 55, 100, 110)
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
PROMPTS = {"query": f"{' '.join(WORDS[50:56])} ", "document": f"{' '.join(WORDS[60:63])} "}


def texts(longest):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size)) for size in LENGTHS if size <= longest]


def kinds():
    """Names and modules behind the Transformer."""
    from sentence_transformers import models

    pooled = {name: lambda name=name: [models.Pooling(32, pooling_mode=name)] for name in POOLINGS}
    return pooled | {
        "several": lambda: [models.Pooling(32, pooling_mode=("cls", "mean", "max")), models.Normalize()],
        "dense": lambda: [models.Pooling(32), models.Dense(32, 8), models.Normalize()],
        "residual": lambda: [models.Pooling(32), models.Dense(32, 32, activation_function=torch.nn.GELU())],
        "layer norm": lambda: [models.Pooling(32, "lasttoken"), random_norm(models.LayerNorm(32))],
        "before pooling": lambda: [models.CNN(32, 8), models.Pooling(24, "mean"), models.Dropout(0.5)],
        "tokens": lambda: [models.Dense(32, 8, module_input_name="token_embeddings"), models.Pooling(8, "max")],
        "without prompt": lambda: [models.Pooling(32, pooling_mode=("mean", "weightedmean"), include_prompt=False)],
    }


def random_norm(module):
    torch.nn.init.normal_(module.norm.weight)
    torch.nn.init.normal_(module.norm.bias)
    return module


@pytest.fixture(scope="module")
def save(embedder, tmp_path_factory):
    """``save(kind, **settings)`` is the folder of a model of 64 positions and its double of 128, made once."""
    kept = {}

    def saved(kind, **settings):
        key = kind, json.dumps(settings)
        if key not in kept:
            torch.manual_seed(0)
            folder = tmp_path_factory.mktemp("saved")
            save_modules(embedder, folder / "old", kinds()[kind], **settings)
            extend_checkpoint(folder / "old", folder / "new", 128, method="stretch")
            kept[key] = folder / "old", folder / "new"
        return kept[key]

    return saved


def reference(folder):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = 128
    return model


@pytest.mark.parametrize(
    "kind",
    [*POOLINGS, "several", "dense", "residual", "layer norm", "before pooling", "tokens", "without prompt"],
)
@pytest.mark.parametrize("prompts", [{}, PROMPTS])
def test_vectors_equal_the_library_s(save, kind, prompts):
    for folder, longest in zip(save(kind, prompts=prompts), (45, 110), strict=True):
        found, model, some = load_embedder(folder), reference(folder), texts(longest)
        ids = [found.encode(text) for text in some]
        np.testing.assert_allclose(
            found.embed(ids, queries=True), model.encode_query(some, normalize_embeddings=True), atol=2e-6
        )
        np.testing.assert_allclose(found.embed(ids), model.encode_document(some, normalize_embeddings=True), atol=2e-6)


def test_prompts_move_vectors(save):
    found = load_embedder(save("mean", prompts=PROMPTS)[0])
    ids = [found.encode(text) for text in texts(30)]
    assert np.abs(found.embed(ids) - found.embed(ids, queries=True)).max() > 0.01
    assert (found.special, found.query_special) == (2 + 3, 2 + 6)


def test_the_default_prompt_stands_before_both(save):
    folder = save("mean", prompts={"other": f"{WORDS[9]} "}, default_prompt_name="other")[0]
    settings = json.loads((folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))
    settings["prompts"] = {"other": f"{WORDS[9]} "}  # as a version saved it that adds no empty ones
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings), encoding="utf-8")
    found, some = load_embedder(folder), texts(30)
    wanted = reference(folder).encode(some, normalize_embeddings=True)
    ids = [found.encode(text) for text in some]
    for vectors in (found.embed(ids), found.embed(ids, queries=True)):
        np.testing.assert_allclose(vectors, wanted, atol=2e-6)


def test_chunks_have_the_prompt_too(save):
    folder = save("mean", prompts=PROMPTS)[0]
    found, model = load_embedder(folder), reference(folder)
    ids = [found.encode(word)[0] for word in WORDS[:6]]
    chunks = found.cut([ids], found.special + 2)[0]
    assert [len(chunk) for chunk in chunks] == [2, 2, 2]
    parts = [" ".join(WORDS[at : at + 2]) for at in (0, 2, 4)]
    wanted = model.encode_document(parts, normalize_embeddings=True)
    np.testing.assert_allclose(found.embed(chunks), wanted, atol=2e-6)


@pytest.mark.parametrize("kind", ["mean", "max", "mean_sqrt_len_tokens", "weightedmean", "dense", "without prompt"])
def test_late_chunks_are_pooled_by_the_modules(save, kind):
    """One chunk is the whole text; two are what the modules make of the two halves of its states."""
    found = load_embedder(save(kind, prompts=PROMPTS)[1])
    ids = [found.encode(text) for text in texts(30)]
    assert found.has_late_chunks
    whole, late = found.embed_late(ids, (128, found.special + 15))
    if kind != "without prompt":  # there a position's weight depends on the prompt's length
        np.testing.assert_allclose(np.concatenate(late[128]), whole, atol=2e-6)
    longest = late[found.special + 15][-1]
    assert longest.shape == (2, whole.shape[1])
    states = found._states(ids[-1:], found._document)
    end = found.special - 1 + 15
    begin = 4 if kind == "without prompt" else 0  # three words, and the special token before them
    for vector, first, stop in ((longest[0], begin, end), (longest[1], end, states.tokens.shape[1])):
        tokens = states.tokens[:, first:stop]
        wanted = found._vectors(States(tokens, torch.ones(tokens.shape[:2]), torch.zeros(tokens.shape[:2]).long()))
        np.testing.assert_allclose(vector, wanted[0].detach(), atol=2e-6)


@pytest.mark.parametrize("kind", ["cls", "lasttoken", "several", "before pooling", "tokens", "layer norm"])
def test_poolings_without_late_chunks(save, kind):
    assert not load_embedder(save(kind)[0]).has_late_chunks


@pytest.mark.parametrize("kind", ["mean", "several", "dense", "residual", "layer norm", "max"])
def test_gradients_of_the_table_are_the_library_s(save, kind):
    """Through the modules, to a table that is passed in."""
    folder = save(kind, prompts=PROMPTS)[0]
    loaded, some = load_embedder(folder), texts(30)
    model = reference(folder)
    (parameter,) = [value for name, value in model.named_parameters() if name.endswith(KEY)]
    features = model.preprocess(some, prompt=PROMPTS["document"])
    wanted = torch.nn.functional.normalize(model(features)["sentence_embedding"], dim=-1)
    weights = torch.linspace(-1, 2, wanted.numel()).view_as(wanted)
    (wanted * weights).sum().backward()
    table = loaded.model.get_parameter(KEY).detach().clone().requires_grad_()
    frozen = FrozenModel(loaded.model, KEY)
    own = loaded.with_model(frozen, "fp32")
    with frozen.reading(table):
        vectors = own.pooled([loaded.encode(text) for text in some])
    (vectors * weights).sum().backward()
    assert float(table.grad.abs().max()) > 0
    torch.testing.assert_close(table.grad, parameter.grad, atol=1e-5, rtol=1e-4)
    assert all(value.grad is None for module in own.head.modules for value in module.parameters())


def test_what_decides_the_vectors_is_named(save):
    names = {kind: load_embedder(save(kind)[0]).pooling for kind in ("mean", "several", "dense", "without prompt")}
    assert names["mean"] == "mean"
    assert names["several"] == "cls + mean + max"
    assert names["dense"].startswith("mean, Dense ")
    assert names["without prompt"] == "mean + weightedmean without the prompt"
    assert load_embedder(save("mean", prompts=PROMPTS)[0]).pooling.startswith(f"mean, '{WORDS[50]}")


def test_other_weights_of_a_module_have_another_name(save, tmp_path):
    folder = shutil.copytree(save("dense")[0], tmp_path / "other")
    before = load_embedder(folder).pooling
    from safetensors.torch import load_file, save_file

    (file,) = folder.glob("*Dense/model.safetensors")
    save_file({name: value + 1 for name, value in load_file(file).items()}, file)
    assert load_embedder(folder).pooling != before


def test_leading_dimensions_alone(save):
    folder = save("mean", truncate_dim=5)[0]
    found, model, some = load_embedder(folder), reference(folder), texts(30)
    vectors = found.embed([found.encode(text) for text in some])
    assert vectors.shape == (3, 5)
    np.testing.assert_allclose(vectors, model.encode(some, normalize_embeddings=True), atol=2e-6)
    assert found.pooling == "mean, first 5 dimensions"


def test_the_pooler_s_output(save, tmp_path):
    """A Transformer whose own output is the vector has no pooling behind it."""
    folder = shutil.copytree(save("mean")[0], tmp_path / "pooler")
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    (folder / "modules.json").write_text(json.dumps(modules[:1]), encoding="utf-8")
    settings = folder / "sentence_bert_config.json"
    said = json.loads(settings.read_text(encoding="utf-8")) | {"module_output_name": "sentence_embedding"}
    said["modality_config"] = {"text": {"method": "forward", "method_output_name": "pooler_output"}}
    settings.write_text(json.dumps(said), encoding="utf-8")
    found, some = load_embedder(folder), texts(30)
    vectors = found.embed([found.encode(text) for text in some])
    np.testing.assert_allclose(vectors, reference(folder).encode(some, normalize_embeddings=True), atol=2e-6)
    assert not found.has_late_chunks
    assert found.pooling == "pooler_output"


def test_all_layers(save, tmp_path):
    """The second of three states of each token, by name and number, as its files may say."""
    folder = shutil.copytree(save("mean")[0], tmp_path / "layers")
    settings = folder / "sentence_bert_config.json"
    said = json.loads(settings.read_text(encoding="utf-8"))
    said["modality_config"] = {"text": {"method": "forward", "method_output_name": ["hidden_states", 1]}}
    settings.write_text(json.dumps(said), encoding="utf-8")
    found, some = load_embedder(folder), texts(30)
    vectors = found.embed([found.encode(text) for text in some])
    np.testing.assert_allclose(vectors, reference(folder).encode(some, normalize_embeddings=True), atol=2e-6)


def test_modules_that_make_no_vector(save, tmp_path):
    folder = shutil.copytree(save("mean")[0], tmp_path / "nothing")
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    (folder / "modules.json").write_text(json.dumps(modules[:1]), encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match=r"its modules \(Transformer\) make no vector of a text: add a Pool"):
        load_embedder(folder).embed([[7, 8]])


def test_lower_case_is_the_library_s(save, tmp_path):
    """A setting of sentence-transformers that the tokenizer's own file does not know."""
    folder = shutil.copytree(save("mean")[0], tmp_path / "lower")
    settings = folder / "sentence_bert_config.json"
    said = json.loads(settings.read_text(encoding="utf-8")) | {"do_lower_case": True}
    settings.write_text(json.dumps(said), encoding="utf-8")
    found = load_embedder(folder)
    assert found.encode(WORDS[3].upper()) == found.encode(WORDS[3])


def test_a_stored_limit_does_not_cut(save):
    found = load_embedder(save("mean")[0])
    assert len(found.encode(f"{WORDS[3]} " * 1000)) == 1000
    assert len(found.tokenizer.encode(f"{WORDS[3]} " * 1000).ids) == 1002


def test_files_that_do_not_load(save, tmp_path):
    folder = shutil.copytree(save("dense")[0], tmp_path / "broken")
    next(folder.glob("*Dense/model.safetensors")).write_bytes(b"x")
    with pytest.raises(CheckpointError, match="broken cannot be loaded"):
        load_modules(folder)


def test_length_aware_tables_are_loaded(save, tmp_path, monkeypatch):
    folder = shutil.copytree(save("mean")[0], tmp_path / "aware")
    seen = []
    monkeypatch.setattr(
        length_aware, "load_length_aware", lambda model, place: seen.append((type(model).__name__, place))
    )
    load_modules(folder)
    assert seen == []
    (folder / "length_aware.safetensors").write_bytes(b"")
    load_modules(folder)
    assert seen == [("BertModel", folder)]


@pytest.mark.parametrize(
    ("first", "sentence"),
    [
        (SimpleNamespace(), "begins with the module SimpleNamespace, which has no Transformer"),
        (SimpleNamespace(auto_model=torch.nn.Linear(1, 1), modality_config={"image": {}}), "reads no text; supported"),
        (
            SimpleNamespace(auto_model=torch.nn.Linear(1, 1), modality_config={"text": {"method": "get_features"}}),
            "reads text by its method get_features; supported",
        ),
        (SimpleNamespace(auto_model=torch.nn.Linear(1, 1)), "has no tokenizer that the package tokenizers can run"),
    ],
)  # fmt: skip
def test_models_that_do_not_read_token_ids(tmp_path, monkeypatch, first, sentence):
    class Whole(list):
        truncate_dim = None

        def to(self, device):
            assert device == "cpu"

    import sentence_transformers

    monkeypatch.setattr(sentence_transformers, "SentenceTransformer", lambda *_, **__: Whole([first]))
    with pytest.raises(InvalidArgumentError, match=sentence):
        load_modules(tmp_path)


def test_poolings_before_version_6_are_named_too():
    class Pooling(torch.nn.Module):
        def get_pooling_mode_str(self):
            return "cls+mean"

    assert LibraryHead("x", [Pooling()]).name == "cls + mean"
