"""Length-aware folders in sentence-transformers: with posembed the model of two tables, without it the plain one."""

import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest
import sentence_transformers
import torch
import transformers
from safetensors.torch import load_file
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling

from posembed import extend_checkpoint, load_length_aware, put_length_aware
from posembed.checkpoint.own_code import LENGTH_AWARE_MODULE
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.integrations.sentence_transformers import LengthAwareTransformer, autoload, name_module
from posembed.nn.length_aware import LengthAwareEmbedding
from tests.fixtures.small_models import OLD

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*loss_type.*:UserWarning"),
]
TABLES = "length_aware.safetensors"
TEXTS = ["the cat sat", "the dog bit the man . " * 30, "a house"]


def load(folder, kind=sentence_transformers.SentenceTransformer, **options):
    return kind(str(folder), device="cpu", local_files_only=True, **options)


def tables_of(model):
    return [module for module in model.modules() if isinstance(module, LengthAwareEmbedding)]


@pytest.fixture
def automatic():
    autoload()
    yield
    autoload(False)


@pytest.fixture(scope="module")
def plain(embedder, tmp_path_factory):
    """A folder that sentence-transformers wrote, with prompts, before it is extended."""
    folder = tmp_path_factory.mktemp("models") / "plain"
    modules = [Transformer(str(embedder))]
    modules.append(Pooling(modules[0].get_embedding_dimension()))
    model = sentence_transformers.SentenceTransformer(
        modules=modules, device="cpu", prompts={"query": "the man : ", "document": ""}
    )
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def folder(plain, tmp_path_factory):
    """The same with length-aware tables, as the command writes it."""
    out = tmp_path_factory.mktemp("models") / "folder"
    extend_checkpoint(plain, out, 4 * OLD, method="linear", length_aware=True, check="off")
    return out


@pytest.fixture(scope="module")
def wanted(folder):
    """What the model of two tables gives, put together by hand."""
    return load_length_aware(load(folder), folder).encode(TEXTS)


@pytest.fixture
def named(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "named")
    assert name_module(tmp_path / "named") == [tmp_path / "named" / "modules.json"]
    return tmp_path / "named"


# --- loading ----------------------------------------------------------------------------------------------------------


def test_a_folder_reads_its_tables_after_one_call(folder, plain, wanted, automatic):
    model = load(folder)
    assert type(model[0]).__name__ == "Transformer"
    np.testing.assert_array_equal(model.encode(TEXTS), wanted)
    np.testing.assert_array_equal(model.encode(TEXTS[:1]), load(plain).encode(TEXTS[:1]))  # bit for bit as before
    autoload(False)
    assert np.abs(load(folder).encode(TEXTS[:1]) - wanted[:1]).max() > 1e-3  # the stretched table alone


def test_a_folder_that_names_the_class(named, wanted):
    model = load(named, trust_remote_code=True)
    assert type(model[0]) is LengthAwareTransformer
    np.testing.assert_array_equal(model.encode(TEXTS), wanted)
    assert not list(named.rglob("*.py"))
    assert [module.limits.tolist() for module in tables_of(LengthAwareTransformer(str(named)))] == [[OLD, 4 * OLD]]


def test_the_flag_of_the_library_is_needed(named):
    """A rule of sentence-transformers since version 6, which the page tells: should it fall, so may the page."""
    with pytest.raises(ValueError, match="trust_remote_code=True"):
        load(named)


BLOCKED = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "posembed":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from sentence_transformers import SentenceTransformer
import numpy as np
model = SentenceTransformer(sys.argv[1], device="cpu", local_files_only=True)
np.save(sys.argv[2], model.encode(sys.argv[4:]))
assert "posembed" not in sys.modules
try:
    SentenceTransformer(sys.argv[3], device="cpu", local_files_only=True, trust_remote_code=True)
except ModuleNotFoundError as error:
    print(error)
"""


def test_without_posembed(folder, named, tmp_path):
    """The folder as posembed writes it gives the plain table; the one that names the class says what is missing."""
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, folder, tmp_path / "vectors.npy", named, *TEXTS],
        capture_output=True, text=True, check=False, cwd=tmp_path, env={"PATH": "", "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "No module named 'posembed'"
    np.testing.assert_array_equal(np.load(tmp_path / "vectors.npy"), load(folder).encode(TEXTS))


class Own(torch.nn.Module):
    """A module around a model that cannot save itself."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(4, 2)

    def forward(self, features, attention_mask=None):  # noqa: ARG002
        return features


def test_a_model_that_cannot_save_itself_is_not_saved_as_one_table(tmp_path):
    model = sentence_transformers.SentenceTransformer(modules=[Own()], device="cpu")
    put_length_aware(model, "0.table.weight", {4: torch.zeros(4, 2), 6: torch.ones(6, 2)})
    for save in (model.save, model.save_pretrained):
        with pytest.raises(InvalidArgumentError, match=r"would write .* as one.*save_length_aware\(model, '.*out'"):
            save(str(tmp_path / "out"))
    with pytest.raises(InvalidArgumentError, match=r"save_length_aware\(model, 'model', whole=True\)"):
        model.push_to_hub("someone/model")
    assert not (tmp_path / "out").exists()


def test_old_code_that_loads_by_hand_says_so(folder, automatic):
    with pytest.raises(InvalidArgumentError, match="has length-aware positions already"):
        load_length_aware(load(folder), folder)


# --- saving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["plain", "named"])
def test_a_folder_stays_what_it_is_when_it_is_saved(kind, folder, named, wanted, tmp_path, automatic):
    options = {"trust_remote_code": True} if kind == "named" else {}
    model = load(named if kind == "named" else folder, **options)
    with torch.no_grad():
        tables_of(model)[0].weight.mul_(-1)
    changed = model.encode(TEXTS)
    model.save_pretrained(str(tmp_path / "again"), create_model_card=False)
    again = load(tmp_path / "again", **options)
    assert type(again[0]) is type(model[0])
    np.testing.assert_array_equal(again.encode(TEXTS), changed)
    assert np.abs(changed - wanted).max() > 1e-4
    first = json.loads((tmp_path / "again" / "modules.json").read_text())[0]
    assert (first["type"] == LENGTH_AWARE_MODULE) == (kind == "named")
    assert again.prompts == {"query": "the man : ", "document": ""}


@pytest.mark.parametrize("kind", ["plain", "named"])
def test_a_trained_model_goes_on_from_its_checkpoint(kind, folder, named, tmp_path, automatic):
    """SentenceTransformerTrainer loads the best checkpoint by this method, with the classes of the model."""
    model = load(named, trust_remote_code=True) if kind == "named" else load(folder)
    model.save_pretrained(str(tmp_path / "checkpoint-1"), create_model_card=False)
    with torch.no_grad():
        tables_of(model)[0].weight.mul_(-1)
    after = model.encode(TEXTS)
    trainer = object.__new__(sentence_transformers.SentenceTransformerTrainer)
    trainer.model = model
    trainer._load_from_checkpoint(str(tmp_path / "checkpoint-1"))
    assert np.abs(model.encode(TEXTS) - after).max() > 1e-3


def test_the_trainer(folder, tmp_path, automatic):
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("accelerate")
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    model = load(folder)
    before = model.encode(TEXTS)
    rows = datasets.Dataset.from_dict({"anchor": TEXTS * 2, "positive": TEXTS[::-1] * 2})
    arguments = sentence_transformers.SentenceTransformerTrainingArguments(
        str(tmp_path / "runs"), max_steps=2, save_steps=1, eval_steps=1, eval_strategy="steps", learning_rate=1e-2,
        load_best_model_at_end=True, report_to=[], use_cpu=True, per_device_train_batch_size=2, disable_tqdm=True,
    )  # fmt: skip
    trainer = sentence_transformers.SentenceTransformerTrainer(
        model, arguments, train_dataset=rows, eval_dataset=rows, loss=MultipleNegativesRankingLoss(model)
    )
    trainer.train()
    trainer.save_model(str(tmp_path / "out"))
    after = model.encode(TEXTS)
    assert np.abs(after - before).max() > 1e-4
    best = trainer.state.best_model_checkpoint
    for saved in (tmp_path / "out", best):
        np.testing.assert_array_equal(load(saved).encode(TEXTS), after)


# --- other options and kinds of folders -------------------------------------------------------------------------------


def test_options_of_the_library(folder, named, wanted, automatic):
    model = load(folder, model_kwargs={"dtype": torch.bfloat16}, truncate_dim=8)
    assert tables_of(model)[0].weight.dtype == torch.bfloat16
    vectors = model.encode(TEXTS, convert_to_tensor=True).float().numpy()
    np.testing.assert_allclose(vectors, wanted[:, :8], rtol=0.1, atol=0.1 * np.abs(wanted).max())
    model = load(named, trust_remote_code=True, processor_kwargs={"model_max_length": 16})
    assert model.max_seq_length == 16
    model.max_seq_length = 4 * OLD
    np.testing.assert_array_equal(model.encode(TEXTS), wanted)
    prompted = model.encode(TEXTS, prompt_name="query")
    np.testing.assert_array_equal(prompted, model.encode(["the man : " + text for text in TEXTS]))


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_other_backends_are_refused(backend, folder, named, automatic):
    for path, options in ((folder, {}), (named, {"trust_remote_code": True})):
        with pytest.raises(InvalidArgumentError, match=f"backend='{backend}' reads a graph with one table"):
            load(path, backend=backend, **options)


def test_batches_are_padded(folder, automatic, monkeypatch):
    """With flash attention the library joins a batch into one row, of which all texts would read one table."""
    monkeypatch.setattr(Transformer, "_can_flatten_inputs", lambda _: True)
    assert load(folder)[0].can_flatten_inputs is False


def test_folders_without_tables_load_as_ever(plain, automatic):
    assert tables_of(load(plain)) == []


def test_a_transformer_in_a_folder_of_its_own(plain, tmp_path, automatic):
    """The layout of old versions; the tables are beside the weights."""
    source = tmp_path / "source"
    shutil.copytree(plain, source / "0_Transformer", ignore=shutil.ignore_patterns("1_*", "modules.json"))
    shutil.copytree(plain / "1_Pooling", source / "1_Pooling")
    modules = json.loads((plain / "modules.json").read_text())
    modules[0] |= {"path": "0_Transformer", "type": "sentence_transformers.models.Transformer"}
    (source / "modules.json").write_text(json.dumps(modules))
    out = tmp_path / "out"
    extend_checkpoint(source, out, 4 * OLD, method="linear", length_aware=True, check="off")
    assert [path.relative_to(out).as_posix() for path in out.rglob(TABLES)] == [f"0_Transformer/{TABLES}"]
    vectors = load(out).encode(TEXTS)
    autoload(False)
    np.testing.assert_array_equal(load_length_aware(load(out), out).encode(TEXTS), vectors)
    name_module(out)
    np.testing.assert_array_equal(load(out, trust_remote_code=True).encode(TEXTS), vectors)
    (out / "0_Transformer" / TABLES).rename(out / TABLES)  # as version 0.2 wrote it
    np.testing.assert_array_equal(load(out, trust_remote_code=True).encode(TEXTS), vectors)


def test_parts_of_a_router(folder, plain, tmp_path, automatic):
    parts = [[Transformer(str(path)), Pooling(32)] for path in (plain, folder)]
    model = sentence_transformers.SentenceTransformer(
        modules=[Router.for_query_document(query_modules=parts[0], document_modules=parts[1])], device="cpu"
    )
    vectors = [model.encode_query(TEXTS[:1]), model.encode_document(TEXTS)]
    model.save_pretrained(str(tmp_path / "out"), create_model_card=False)
    assert len(tables_of(model)) == len(list((tmp_path / "out").rglob(TABLES))) == 1

    def check(again):
        found = [again.encode_query(TEXTS[:1]), again.encode_document(TEXTS)]
        assert all((one == other).all() for one, other in zip(found, vectors, strict=True))

    check(load(tmp_path / "out"))
    autoload(False)
    assert len(name_module(tmp_path / "out")) == 1
    check(load(tmp_path / "out", trust_remote_code=True))


@pytest.mark.parametrize("kind", ["CrossEncoder", "SparseEncoder", "MultiVectorEncoder"])
def test_other_models_of_the_library(kind, masked, tmp_path, automatic):
    extend_checkpoint(masked, tmp_path / "long", 4 * OLD, method="linear", length_aware=True, check="off")
    arguments = {"SparseEncoder": {"convert_to_sparse_tensor": False}, "MultiVectorEncoder": {"convert_to_numpy": True}}
    made = getattr(sentence_transformers, kind)
    model = load(tmp_path / "long", made)
    assert [module.limits.tolist() for module in tables_of(model)] == [[OLD, 4 * OLD]]
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    again = load(tmp_path / "saved", made)
    found = [
        each.predict([TEXTS[:2], TEXTS[1:]]) if kind == "CrossEncoder" else each.encode(TEXTS[1:2], **arguments[kind])
        for each in (model, again)
    ]
    np.testing.assert_array_equal(*(np.asarray(each[0]) for each in found))


def test_a_model_of_images_and_texts(tmp_path, automatic):
    torch.manual_seed(0)
    tower = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.CLIPConfig(
        text_config={**tower, "vocab_size": 50, "max_position_embeddings": 16, "eos_token_id": 49},
        vision_config={**tower, "image_size": 8, "patch_size": 4}, projection_dim=16,
    )  # fmt: skip
    transformers.CLIPModel(config).eval().save_pretrained(tmp_path / "clip")
    extend_checkpoint(tmp_path / "clip", tmp_path / "long", 40, method="linear", length_aware=True, check="off")
    original, model = (transformers.CLIPModel.from_pretrained(tmp_path / each).eval() for each in ("clip", "long"))
    load_length_aware(model, tmp_path / "long")
    ids = torch.arange(1, 31)[None] % 49
    with torch.no_grad():
        for size in (9, 16):
            inputs = {"input_ids": ids[:, :size], "attention_mask": torch.ones(1, size, dtype=torch.long)}
            found = [each.get_text_features(**inputs).pooler_output for each in (original, model)]
            assert torch.equal(*found)
        assert model.get_text_features(ids, torch.ones_like(ids)).pooler_output.shape == (1, 16)
    model.save_pretrained(tmp_path / "saved")
    assert load_file(tmp_path / "saved" / TABLES).keys() == {"16", "40"}


def test_a_name_of_the_hub(folder, wanted, tmp_path, automatic):
    """As a download leaves it in the cache."""
    cache = tmp_path / "cache"
    model = cache / "models--someone--model"
    shutil.copytree(folder, model / "snapshots" / ("0" * 40))
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text("0" * 40)
    found = load("someone/model", cache_folder=str(cache))
    np.testing.assert_array_equal(found.encode(TEXTS), wanted)
    name_module(model / "snapshots" / ("0" * 40))
    autoload(False)
    found = load("someone/model", cache_folder=str(cache), trust_remote_code=True)
    np.testing.assert_array_equal(found.encode(TEXTS), wanted)
    (model / "snapshots" / ("0" * 40) / TABLES).unlink()
    with pytest.raises(CheckpointError, match=f"someone/model has no {TABLES}, which LengthAwareTransformer needs"):
        load("someone/model", cache_folder=str(cache), trust_remote_code=True)


def test_a_copy_for_another_process(folder, wanted, automatic):
    """As encode with several processes sends it."""
    copied = pickle.loads(pickle.dumps(load(folder)))
    np.testing.assert_array_equal(copied.encode(TEXTS), wanted)


# --- names in modules.json --------------------------------------------------------------------------------------------


def test_the_name_can_be_taken_back(named, folder):
    assert name_module(named) == []
    assert name_module(named, named=False) == [named / "modules.json"]
    assert name_module(named, named=False) == []
    before, after = (json.loads((each / "modules.json").read_text()) for each in (folder, named))
    assert after == [before[0] | {"type": "sentence_transformers.models.Transformer"}, *before[1:]]
    assert tables_of(load(named)) == []


def test_folders_that_have_no_tables(plain, tmp_path):
    with pytest.raises(InvalidArgumentError, match=f"has no Transformer of sentence-transformers with {TABLES}"):
        name_module(plain)
    with pytest.raises(InvalidArgumentError, match=r"has no modules.json: .*autoload\(\)"):
        name_module(tmp_path)
    with pytest.raises(CheckpointError, match=f"plain has no {TABLES}, which LengthAwareTransformer needs"):
        LengthAwareTransformer(str(plain))


@pytest.mark.parametrize("content", ["{}", "[3]", '[{"path": ""}]'])
def test_a_broken_list_is_refused_and_stays(content, named):
    (named / "modules.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"modules\.json: is not a list of"):
        name_module(named, named=False)
    assert (named / "modules.json").read_text() == content


def test_damaged_tables_are_no_plain_ones(named, folder, automatic):
    (named / TABLES).write_bytes((folder / TABLES).read_bytes()[:-3])
    with pytest.raises(CheckpointError, match="is damaged or of another version"):
        load(named, trust_remote_code=True)


# --- the rest of posembed ---------------------------------------------------------------------------------------------


def test_posembed_reads_a_folder_that_names_its_class(named, wanted, tmp_path, cli):
    from posembed.quality.models.library import load_modules

    model, _, _ = load_modules(named)
    assert len(tables_of(model)) == 1
    code, output, errors = cli("inspect", named)
    assert code == 0, errors
    assert "code of its own" not in output
    extend_checkpoint(named, tmp_path / "longer", 8 * OLD, method="linear", check="off")
    assert tables_of(load(tmp_path / "longer")) == []  # neither the old tables are copied nor their class
    assert load(tmp_path / "longer").max_seq_length == 8 * OLD
