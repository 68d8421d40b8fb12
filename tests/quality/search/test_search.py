"""A method chosen on validation documents: what is measured is what the extended checkpoint does."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

from posembed import extend_checkpoint
from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.plan import plan_extension
from posembed.extension.write import write_extension
from posembed.quality.evaluate.documents import cut_documents
from posembed.quality.evaluate.ranking import hits
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.kinds import kind_of
from posembed.quality.models.scorer import Scorer
from posembed.quality.rng import generator
from posembed.quality.search import search as choose
from posembed.quality.search.candidates import (
    first_ways,
    measured,
    more_ways,
    nowhere_worse,
    preferred,
    with_short,
)
from posembed.quality.search.search import choose_method
from posembed.quality.search.trials import EmbeddingTrial, LanguageTrial
from posembed.quality.tasks.names import FILLERS, FIRST, LAST
from posembed.quality.tasks.retrieval_set import make_set
from posembed.quality.texts import load_whole_texts

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
    words = re.findall(r"\w+|[^\w\s]", f"{' '.join(FILLERS['validation'])} What is the pass key of? Remember it")
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
    for length, accuracy in best.values.items():
        made = make_set("passkey", length, old.encode, [], split="validation", documents=20, pool=10)
        found = hits(made, new.embed(made.documents), new.embed(made.queries)).mean()
        assert found == pytest.approx(accuracy)
        cut = hits(made, old.embed_truncated(made.documents, 96), old.embed(made.queries)).mean()
        assert cut == pytest.approx(chosen.baseline[length])


def test_a_long_table_is_measured_as_it_will_be(model, data, tmp_path, monkeypatch):
    """Documents stay short enough to sweep, the table does not: a stretch to 768 reads other rows at 192 tokens."""
    monkeypatch.setattr(choose, "LONGEST", 192)
    found = choose_method(model, 768, data=data, **SMALL)
    stretch = next(c for c in found.swept if c.method == "stretch" and c.options == {"range": 96})
    assert sorted(stretch.values) == [96, 192]
    extend_checkpoint(model, tmp_path / "out", 768, method="stretch", range=96)
    old, new = load_embedder(model), load_embedder(tmp_path / "out")
    for length, accuracy in stretch.values.items():
        made = make_set(
            "passkey", length, old.encode, [], split="validation", documents=stretch.documents[length], pool=10
        )
        assert hits(made, new.embed(made.documents), new.embed(made.queries)).mean() == pytest.approx(accuracy)


def test_tables_by_length_are_measured_as_they_are_written(model, data, tmp_path, monkeypatch):
    """Documents and queries of up to ``short`` tokens read the old table."""
    monkeypatch.setattr(choose, "SHORTEST", 48)
    found = choose_method(model, 192, data=data, length_aware=True, **SMALL)
    best = found.swept[0]
    assert sorted(best.values) == [48, 96, 192]
    assert found.short == best.kept in (48, 96)
    assert found.why[-1].startswith(f"Inputs of up to {found.short} tokens read the old table, bit for bit")
    out = tmp_path / "out"
    plan = plan_extension(model, 192, method=best.method, **best.options)
    extra = {TABLES_BY_LENGTH: length_aware_file(plan, short=found.short)}
    write_extension(dataclasses.replace(plan, extra_files=extra), out)
    old, new = load_embedder(model), load_embedder(out)
    for length, accuracy in best.values.items():
        made = make_set("passkey", length, old.encode, [], split="validation", documents=20, pool=10)
        vectors, queries = new.embed(made.documents), new.embed(made.queries)
        assert hits(made, vectors, queries).mean() == pytest.approx(accuracy)
        if length <= found.short:
            np.testing.assert_array_equal(vectors, old.embed(made.documents))


def test_it_is_better_than_cutting_and_says_why(chosen):
    best = next(c for c in chosen.swept if (c.method, c.options) == (chosen.method, chosen.options))
    assert best.worth > sum(chosen.baseline.values()) / len(chosen.baseline)
    assert f"first {chosen.options['range']} of 96 rows" in chosen.why[0]
    assert {c.method for c in chosen.swept} == {"tile", "stretch", "mean"}
    assert sorted(chosen.baseline) == [96, 192]


def test_the_same_call_chooses_the_same(chosen, model, data):
    assert choose_method(model, 192, data=data, **SMALL) == chosen


def test_nothing_worse_than_cutting_is_chosen(model, data, monkeypatch):
    every = lambda trial: {length: np.ones(len(made.documents)) for length, made, _ in trial.sets}  # noqa: E731
    monkeypatch.setattr(EmbeddingTrial, "baseline", every)
    with pytest.raises(WorkFailedError, match="no way of extending is better than cutting documents to 96 tokens"):
        choose_method(model, 192, data=data, **SMALL)


def test_nothing_below_the_baseline_is_preferred(model, data, monkeypatch):
    """A candidate that keeps more rows and cannot be told from the best, but is worse than cutting."""
    hits = {"best": np.arange(20) < 10, "kept": np.arange(20) > 10}

    def measure(_, method, options):
        better = (method, options) == ("stretch", {"range": 96})
        outcomes = {96: hits["best" if better else "kept"].astype(float)}
        return measured(method, options, 0 if better else options["range"], "accuracy", outcomes)

    monkeypatch.setattr(EmbeddingTrial, "measure", measure)
    for share, taken in ((0.475, "stretch"), (0.4, "tile")):
        baseline = np.full(20, share)
        monkeypatch.setattr(EmbeddingTrial, "baseline", lambda _, each=baseline: {96: each})
        assert choose_method(model, 192, data=data, **SMALL).method == taken


def test_only_the_methods_that_are_named(model, data):
    found = choose_method(model, 192, data=data, methods=("tile",), **SMALL)
    assert {c.method for c in found.swept} == {"tile"}


def by_length(values, method="tile", kept=0, documents=100):
    """So many hits of a hundred by length, always of the same documents."""
    outcomes = {n: (np.arange(documents) < round(documents * value)).astype(float) for n, value in values.items()}
    return measured(method, {"range": 9}, kept, "accuracy", outcomes)


def test_no_length_is_given_up_for_another():
    old = by_length({128: 0.9, 256: 0.7, 512: 0.4, 1024: 0.2}).outcomes
    assert nowhere_worse(by_length({128: 0.9, 256: 0.7, 512: 0.5, 1024: 0.3}), old)
    swapped = old[128].copy()
    swapped[[0, 1, 2, 98, 99]] = 0, 0, 0, 1, 1  # one fewer, of five that differ
    assert nowhere_worse(measured("tile", {}, 0, "accuracy", {128: swapped}), old)
    assert not nowhere_worse(by_length({128: 0.9, 256: 0.6, 512: 0.9, 1024: 0.9}), old)
    losses = measured("tile", {}, 0, "loss", {64: np.array([1.0, 1.1, 0.9])})
    assert nowhere_worse(losses, {64: np.array([1.1, 1.2, 0.95])})
    assert not nowhere_worse(losses, {64: np.array([0.9, 1.0, 0.85])})


def test_short_inputs_read_the_old_table_up_to_where_the_new_one_is_better():
    old = by_length({128: 0.9, 256: 0.7, 512: 0.4, 1024: 0.2}).outcomes
    found = with_short(by_length({128: 0.5, 256: 0.7, 512: 0.6, 1024: 0.6}), old, 512)
    assert (found.kept, found.values) == (256, {128: 0.9, 256: 0.7, 512: 0.6, 1024: 0.6})
    assert with_short(by_length({128: 1.0, 256: 0.9, 512: 0.9, 1024: 0.9}), old, 512).kept == 128  # one at least
    assert with_short(by_length({128: 0.1, 256: 0.1, 512: 0.1, 1024: 0.9}), old, 512).kept == 512
    up_and_down = with_short(by_length({128: 1.0, 256: 0.5, 512: 0.3, 1024: 0.9}), old, 512)
    assert up_and_down.kept == 512  # any other cut would be worse at some length
    assert nowhere_worse(up_and_down, old)
    assert (
        with_short(by_length({128: 0.9, 256: 0.7, 512: 0.4, 1024: 0.1}), old, 512).values[1024] == 0.1
    )  # none is good
    losses = {n: np.array([1.0, 1.2, 1.1]) for n in (64, 128)}
    for gain, kept in ((-0.1, 64), (0.1, 64)):  # a language model's shortest measured length is the old one
        better = measured("tile", {}, 0, "loss", {64: losses[64] + gain, 128: losses[128] - 0.2})
        assert with_short(better, losses, 64).kept == kept


def test_what_is_worse_at_a_length_is_not_chosen(model, data, monkeypatch):
    """The best by its mean loses at the old length."""

    def measure(_, method, options):
        return by_length({96: 0.5, 192: 1.0} if method == "mean" else {96: 0.8, 192: 0.6}, method)

    monkeypatch.setattr(EmbeddingTrial, "measure", measure)
    monkeypatch.setattr(EmbeddingTrial, "baseline", lambda _: by_length({96: 0.7, 192: 0.2}).outcomes)
    assert choose_method(model, 192, data=data, **SMALL).method != "mean"
    monkeypatch.setattr(EmbeddingTrial, "baseline", lambda _: by_length({96: 0.9, 192: 0.2}).outcomes)
    with pytest.raises(WorkFailedError, match="is at every length as good as cutting documents to 96 tokens") as told:
        choose_method(model, 192, data=data, **SMALL)
    assert "with --length-aware short inputs read the old table" in str(told.value)
    found = choose_method(model, 192, data=data, must_be_better=False, **SMALL)  # the start of a calibration
    assert found.method == "mean"
    assert choose_method(model, 192, data=data, length_aware=True, **SMALL).short == 96


@pytest.mark.parametrize(
    ("best", "short", "sentence"),
    [
        (by_length({512: 1.0}, kept=128), None, "Inputs of up to 128 tokens keep their rows bit for bit."),
        (by_length({512: 1.0}, kept=4), None, "Inputs of more than 4 tokens read other rows than before (vectors"),
        (by_length({512: 1.0}, kept=1), None, "Every input reads other rows than before (vectors"),
        (
            measured("stretch", {}, 0, "loss", {64: np.ones(2)}),
            None,
            "Every input reads other rows than before; --length-",
        ),
        (
            by_length({512: 1.0}, kept=128),
            128,
            "Inputs of up to 128 tokens read the old table, bit for bit, where tables",
        ),
    ],
)
def test_what_is_kept_is_said(best, short, sentence):
    assert choose._kept(best, short).startswith(sentence)


@pytest.mark.parametrize("methods", [(), ("tile", "linear"), ("cubic",)])
def test_methods_that_cannot_be_chosen(model, data, methods):
    with pytest.raises(InvalidArgumentError, match=r"methods=.* must be of"):
        choose_method(model, 192, data=data, methods=methods, **SMALL)


def test_tables_by_length_that_cannot_be_are_refused_at_once(model, data, monkeypatch):
    def refused(_plan):
        raise InvalidArgumentError("no such embedding")

    monkeypatch.setattr(choose, "length_aware_file", refused)
    monkeypatch.setattr(EmbeddingTrial, "prepare", lambda *_: pytest.fail("work was begun"))
    with pytest.raises(InvalidArgumentError, match="no such embedding"):
        choose_method(model, 192, data=data, length_aware=True, **SMALL)


def test_a_checkpoint_with_tables_by_length_is_refused(model, data, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    (folder / "length_aware.safetensors").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="choose for the checkpoint that they were made from"):
        choose_method(folder, 192, data=data, **SMALL)


def candidate(method, kept, accuracy, documents=200, measure="accuracy", seed=0):
    """Hits at random places, so many of them; or losses around a value."""
    draw = np.random.default_rng(seed)
    outcomes = np.zeros(documents)
    outcomes[draw.permutation(documents)[: round(accuracy * documents)]] = 1.0
    if measure == "loss":
        outcomes = accuracy + np.random.default_rng(0).normal(0, 1, documents) + draw.normal(0, 0.1, documents)
    return measured(method, {"range": 100}, kept, measure, {512: outcomes})


def test_of_equals_the_one_that_keeps_most_rows():
    best, near, far = (
        candidate("stretch", 0, 0.80, seed=1),
        candidate("tile", 128, 0.78, seed=2),
        candidate("tile", 256, 0.65, seed=3),
    )
    assert preferred([best, near, far]) is near
    assert preferred([best, far]) is best
    many = [candidate("stretch", 0, 0.80, 20000, seed=1), candidate("tile", 128, 0.78, 20000, seed=2)]
    assert preferred(many).kept == 0


def test_losses_are_compared_document_by_document():
    """Documents differ by a nat and more, two methods by a tenth: the same documents tell them apart."""
    low, high = (candidate("tile", kept, loss, 60, "loss", kept) for kept, loss in ((10, 2.0), (64, 2.1)))
    assert preferred([high, low]) is low
    assert low.worth == -low.values[512]
    assert low.to_dict()["loss"] == {"512": low.values[512]}


def test_candidates_come_from_the_table_and_from_its_length():
    draw = np.random.default_rng(0)
    rows = np.cumsum(draw.standard_normal((128, 16)), axis=0)
    rows[80:] = 0.02 * draw.standard_normal((48, 16))  # never trained
    ranges = {options["range"] for _, options in first_ways(rows, 128)}
    assert {128, 96, 64, 48, 40, 32, 24, 16} <= ranges
    assert any(76 <= size <= 84 for size in ranges)


def test_the_best_ranges_are_drawn_out_kept_and_splined():
    swept = [candidate("tile", 64, 0.9), candidate("tile", 32, 0.5), candidate("tile", 16, 0.1)]
    swept = [measured(c.method, {"range": c.kept}, c.kept, "accuracy", c.outcomes) for c in swept]
    ways = more_ways(swept, 512)
    assert {(o["range"], o["ratio"]) for _, o in ways if "ratio" in o and "keep" not in o} == {
        (64, 2), (64, 4), (32, 2), (32, 4),
    }  # fmt: skip
    assert ("stretch", {"range": 64, "keep": 8}) in ways
    assert ("stretch", {"range": 64, "keep": 8, "ratio": 2}) in ways
    assert ("stretch", {"range": 64, "kernel": "cubic"}) in ways
    assert all(options.get("ratio", 1) * options["range"] < 512 for _, options in ways)
    assert not any(method == "mean" for method, _ in ways)
    ways = more_ways([*swept, candidate("mean", 1, 0.2)], 512)
    assert [options for method, options in ways if method == "mean"] == [
        {"range": 64, "keep": 0},
        {"range": 64, "keep": 8},
    ]


def test_every_range_is_repeated_stretched_and_averaged():
    ways = first_ways(np.random.default_rng(0).standard_normal((64, 8)), 64)
    assert ("mean", {"range": 32, "keep": 1}) in ways
    assert [method for method, _ in ways] == ["tile", "stretch", "mean"] * (len(ways) // 3)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_language_models_by_their_loss(kind, request, texts, tmp_path, monkeypatch):
    """What is measured is what the extended checkpoint does; a sliding window that is better is not given up for it."""
    source = request.getfixturevalue(kind)
    monkeypatch.setattr(
        LanguageTrial, "baseline", lambda trial: {n: np.full(len(ids), 99.0) for n, ids, _ in trial.inputs}
    )
    found = choose_method(source, 128, data=texts, documents=8, precision="fp32")
    assert found.measure == "loss"
    assert {c.method for c in found.swept} == {"tile", "stretch"}  # a mean is for embedding models alone
    with pytest.raises(InvalidArgumentError, match="the mean for embedding models alone"):
        choose_method(source, 128, data=texts, methods=("mean",), documents=8, precision="fp32")
    best = next(c for c in found.swept if (c.method, c.options) == (found.method, found.options))
    assert best.worth >= max(c.worth for c in found.swept[:4]) - 0.05
    extend_checkpoint(source, tmp_path / "out", 128, method=found.method, **found.options)
    model = kind_of(tmp_path / "out").load(tmp_path / "out")
    scorer = Scorer.of(model)
    tokens = [model.encode(text) for text in load_whole_texts(texts)["validation"]]
    ids = cut_documents(tokens, 128, 8, "validation", 0)
    chosen = np.ones(ids.shape, dtype=bool)
    if kind == "masked":
        chosen = generator("masks", "validation", 128, 0).random(ids.shape) < 0.15
        chosen[:, -1] = True
    assert np.nanmean(scorer.losses(ids, chosen), axis=1).mean() == pytest.approx(best.values[128], rel=1e-5)
    monkeypatch.setattr(LanguageTrial, "baseline", lambda trial: {n: np.zeros(len(ids)) for n, ids, _ in trial.inputs})
    with pytest.raises(WorkFailedError, match="no way of extending is better than a sliding window of 64 tokens"):
        choose_method(source, 128, data=texts, documents=8, precision="fp32")


def test_the_baseline_of_a_language_model_is_its_sliding_window(causal, texts, monkeypatch):
    seen = {}
    inner = LanguageTrial.baseline

    def watch(trial):
        seen["trial"], seen["found"] = trial, inner(trial)
        return {length: np.full(len(ids), 99.0) for length, ids, _ in trial.inputs}

    monkeypatch.setattr(LanguageTrial, "baseline", watch)
    choose_method(causal, 128, data=texts, documents=8, precision="fp32")
    scorer = Scorer.of(kind_of(causal).load(causal))
    for length, ids, chosen in seen["trial"].inputs:
        wanted = np.nanmean(sliding_losses(scorer, ids, chosen, 64), axis=1)
        np.testing.assert_allclose(seen["found"][length], wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "length", "sentence"),
    [
        ("my-vit", 2048, "supported are sentence-embedding models"),
        ("my-bart", 2048, "supported are sentence-embedding models"),
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
    code, printed, told = cli(
        "extend", model, tmp_path / "two", "--to", 192, "--data", data, "--length-aware", "--json"
    )
    assert code == 0, told
    short = json.loads(printed)["chosen"]["short"]
    assert short == 96
    assert f"{short}" in load_file(tmp_path / "two" / TABLES_BY_LENGTH)
    code, printed, _ = cli("extend", model, tmp_path / "other", "--to", 192, "--data", data, "--dry-run", "--json")
    plan = json.loads(printed)
    assert (code, plan["tables"][0]["method"]) == (0, plan["chosen"]["swept"][0]["method"])
    assert plan["chosen"]["baseline"].keys() == {"96", "192"}
    code, printed, told = cli("extend", model, out, "--to", 192, "--data", data)
    assert (code, printed) == (2, "")
    assert "exists already" in told
    code, _, told = cli("extend", model, tmp_path / "other", "--to", 192, "--data", data, "--method", "tile")
    assert code == 2
    assert "chooses the method" in told
