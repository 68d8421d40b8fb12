"""A method chosen on validation documents: what is measured is what the extended checkpoint does."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
import transformers

from posembed import extend_checkpoint
from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.lab import choose
from posembed.lab.choose import Candidate, choose_method
from posembed.lab.evaluation.loading import load_embedder
from posembed.lab.evaluation.names import FILLER, FIRST, LAST
from posembed.lab.evaluation.retrieval import hits
from posembed.lab.evaluation.tasks import make_set

SMALL = {"documents": 20, "pool": 10, "precision": "fp32"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for number in range(40):
        (folder / f"{number}.txt").write_text(f"the dog number {number} ran " * 300, encoding="utf-8")
    return str(folder)


@pytest.fixture(scope="module")
def model(example_checkpoints, tmp_path_factory):
    """A bag of words: large token rows, layers that hardly act, so that a document is found by the names in it."""
    folder = shutil.copytree(example_checkpoints / "my-embedder", tmp_path_factory.mktemp("model") / "embedder")
    words = re.findall(r"\w+|[^\w\s]", f"{FILLER} What is the pass key of? Remember it")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys([*FIRST, *LAST, *words])]
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"] = {name: number for number, name in enumerate(names)}
    (folder / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    bert = transformers.BertModel(transformers.BertConfig(**sizes, vocab_size=len(names), max_position_embeddings=96))
    with torch.no_grad():
        bert.embeddings.word_embeddings.weight.mul_(20)
    bert.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def chosen(model, data):
    return choose_method(model, 192, data=data, **SMALL)


def test_the_numbers_are_those_of_the_extended_checkpoint(chosen, model, tmp_path, data):
    best = next(c for c in chosen.swept if (c.method, c.options) == (chosen.method, chosen.options))
    extend_checkpoint(model, tmp_path / "out", 192, method=chosen.method, **chosen.options)
    old, new = load_embedder(model), load_embedder(tmp_path / "out")
    for length, accuracy in best.accuracy.items():
        made = make_set("passkey", length, old.encode, [], split="validation", documents=20, pool=10)
        found = hits(made, new.embed(made.documents), old.embed(made.queries)).mean()
        assert found == pytest.approx(accuracy)
        cut = hits(made, old.embed_truncated(made.documents, 96), old.embed(made.queries)).mean()
        assert cut == pytest.approx(chosen.truncated[length])


def test_a_long_table_is_measured_as_it_will_be(model, data, tmp_path, monkeypatch):
    """Documents stay short enough to sweep, the table does not: a stretch to 768 reads other rows at 192 tokens."""
    monkeypatch.setattr(choose, "LONGEST", 192)
    found = choose_method(model, 768, data=data, **SMALL)
    stretch = next(c for c in found.swept if c.method == "stretch" and c.options["range"] == 96)
    assert sorted(stretch.accuracy) == [96, 192]
    extend_checkpoint(model, tmp_path / "out", 768, method="stretch", range=96)
    old, new = load_embedder(model), load_embedder(tmp_path / "out")
    for length, accuracy in stretch.accuracy.items():
        made = make_set("passkey", length, old.encode, [], split="validation", documents=stretch.documents, pool=10)
        assert hits(made, new.embed(made.documents), old.embed(made.queries)).mean() == pytest.approx(accuracy)


def test_it_is_better_than_cutting_and_says_why(chosen):
    best = next(c for c in chosen.swept if (c.method, c.options) == (chosen.method, chosen.options))
    assert best.mean > sum(chosen.truncated.values()) / len(chosen.truncated)
    assert f"first {chosen.options['range']} of 96 rows" in chosen.why[0]
    assert {c.method for c in chosen.swept} == {"tile", "stretch"}
    assert sorted(chosen.truncated) == [96, 192]


def test_the_same_call_chooses_the_same(chosen, model, data):
    assert choose_method(model, 192, data=data, **SMALL) == chosen


def test_nothing_worse_than_cutting_is_chosen(model, data, monkeypatch):
    monkeypatch.setattr(choose._Trial, "truncated", lambda *_: {96: 1.0, 192: 1.0})
    with pytest.raises(WorkFailedError, match="no way of extending is better than cutting documents to 96 tokens"):
        choose_method(model, 192, data=data, **SMALL)


def candidate(method, kept, accuracy, documents=200):
    return Candidate(method, {"range": 100}, kept, {512: accuracy}, documents)


def test_of_equals_the_one_that_keeps_most_rows():
    best, near, far = candidate("stretch", 0, 0.80), candidate("tile", 128, 0.78), candidate("tile", 256, 0.70)
    assert choose._preferred([best, near, far]) is near
    assert choose._preferred([best, far]) is best
    assert choose._preferred([candidate("stretch", 0, 0.80, 20000), candidate("tile", 128, 0.78, 20000)]).kept == 0


def test_candidates_come_from_the_table_and_from_its_length():
    draw = np.random.default_rng(0)
    rows = np.cumsum(draw.standard_normal((128, 16)), axis=0)
    rows[80:] = 0.02 * draw.standard_normal((48, 16))  # never trained
    ranges = {options["range"] for _, options in choose._candidates(rows, 128)}
    assert {128, 96, 64, 48, 40, 32, 24, 16} <= ranges
    assert any(76 <= size <= 84 for size in ranges)


@pytest.mark.parametrize(
    ("name", "length", "sentence"),
    [
        ("my-gpt2", 2048, "is no sentence-embedding model"),
        ("my-embedder", 512, "length=512 must be above the 512 positions"),
    ],
)
def test_wrong_calls(example_checkpoints, name, length, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        choose_method(example_checkpoints / name, length)


def test_the_command(cli, model, data, tmp_path, monkeypatch):
    monkeypatch.setattr(choose.choose_method, "__kwdefaults__", choose.choose_method.__kwdefaults__ | SMALL)
    out = tmp_path / "out"
    code, printed, told = cli("extend", model, out, "--to", 192, "--data", data)
    assert code == 0, told
    assert printed.count("Chosen: ") == 3
    assert out.is_dir()
    code, printed, _ = cli("extend", model, tmp_path / "other", "--to", 192, "--data", data, "--dry-run", "--json")
    plan = json.loads(printed)
    assert (code, plan["tables"][0]["method"]) == (0, plan["chosen"]["swept"][0]["method"])
    assert plan["chosen"]["truncated"].keys() == {"96", "192"}
    code, printed, told = cli("extend", model, out, "--to", 192, "--data", data)
    assert (code, printed) == (2, "")
    assert "exists already" in told
    code, _, told = cli("extend", model, tmp_path / "other", "--to", 192, "--data", data, "--method", "tile")
    assert code == 2
    assert "goes with --to and --method auto" in told
