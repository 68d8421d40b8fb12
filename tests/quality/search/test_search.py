"""A method chosen on validation documents: what is measured is what the extended checkpoint does."""

import dataclasses
import inspect
import json
import shutil

import numpy as np
import pytest
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
from posembed.quality.search import embedding_trial, search, trial
from posembed.quality.search.candidates import Candidate
from posembed.quality.search.embedding_trial import EmbeddingTrial
from posembed.quality.search.language_trial import LanguageTrial
from posembed.quality.search.measure import ACCURACY
from posembed.quality.search.search import allowed_methods, search_method
from posembed.quality.tasks.retrieval_set import make_set
from posembed.quality.texts import load_whole_texts
from posembed.records.search import SearchOptions
from posembed.tables.methods.kept_rows import keeps_old_rows
from posembed.tables.registry import register_method
from posembed.tables.search_space import SearchSpace

SMALL = {"documents": 20, "pool": 10, "precision": "fp32"}


@pytest.fixture(scope="module")
def chosen(model, data):
    return search_method(model, 192, data=data, **SMALL)


def selected(choice):
    return next(c for c in choice.swept if (c.method, c.options) == (choice.method, choice.options))


def test_the_numbers_are_those_of_the_extended_checkpoint(chosen, model, tmp_path):
    extend_checkpoint(model, tmp_path / "out", 192, method=chosen.method, **chosen.options)
    old, new = load_embedder(model), load_embedder(tmp_path / "out")
    for length, accuracy in selected(chosen).values.items():
        made = make_set("passkey", length, old.encode, [], split="validation", documents=20, pool=10)
        found = hits(made, new.embed(made.documents), new.embed(made.queries)).mean()
        assert found == pytest.approx(accuracy)
        cut = hits(made, old.embed_truncated(made.documents, 96), old.embed(made.queries)).mean()
        assert cut == pytest.approx(chosen.baseline[length])


def test_a_long_table_is_measured_as_it_will_be(model, data, tmp_path, monkeypatch):
    """Documents stay short enough to sweep, the table does not: a stretch to 768 reads other rows at 192 tokens."""
    monkeypatch.setattr(trial, "LONGEST", 192)
    found = search_method(model, 768, data=data, **SMALL)
    stretch = next(c for c in found.swept if c.method == "stretch" and c.options == {"range": 96})
    assert sorted(stretch.values) == [96, 192]
    extend_checkpoint(model, tmp_path / "out", 768, method="stretch", range=96)
    old, new = load_embedder(model), load_embedder(tmp_path / "out")
    for length, accuracy in stretch.values.items():
        made = make_set("passkey", length, old.encode, [], split="validation", documents=stretch.documents, pool=10)
        assert hits(made, new.embed(made.documents), new.embed(made.queries)).mean() == pytest.approx(accuracy)


def test_length_aware_tables_are_measured_as_they_are_written(model, data, tmp_path, monkeypatch):
    """Documents and queries of up to ``short`` tokens read the old table."""
    monkeypatch.setattr(embedding_trial, "SHORTEST", 48)
    found = search_method(model, 192, data=data, length_aware=True, **SMALL)
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
    best = selected(chosen)
    assert sum(best.values.values()) > sum(chosen.baseline.values())
    assert f"first {chosen.options['range']} of 96 rows" in chosen.why[0]
    assert {c.method for c in chosen.swept} == {"tile", "stretch", "mean"}
    assert sorted(chosen.baseline) == [96, 192]
    assert (chosen.measure, chosen.short) == ("accuracy", None)
    assert set(chosen.to_dict()) == {"why", "measure", "baseline", "short", "swept"}


def test_the_same_call_chooses_the_same(chosen, model, data):
    assert search_method(model, 192, data=data, **SMALL) == chosen


def test_a_registered_method_takes_part(model, data, own_methods):
    """A method of the user's own that makes the rows of the best built-in one, and keeps the old rows too."""

    def remembers(rows, new, *, fade):
        return np.concatenate((rows, np.repeat(rows[:32].mean(axis=0, keepdims=True), new - len(rows), axis=0)))

    space = SearchSpace(lambda table: [{"fade": table.old}, {"fade": 0}], models=("embedding",))
    register_method("own", remembers, formula="P, then a mean", kept=lambda old, new, **_: keeps_old_rows(old, new),
                    search_space=space)  # fmt: skip
    found = search_method(model, 192, data=data, methods=("own", "tile"), **SMALL)
    assert {"own", "tile"} == {c.method for c in found.swept}
    own = [c for c in found.swept if c.method == "own"]
    assert {"fade": 96} in [c.options for c in own]
    assert {c.kept for c in own} == {96}
    assert "own" in [method.name for method in allowed_methods("embedding", None)]
    assert "own" not in [method.name for method in allowed_methods("causal", None)]
    only = search_method(model, 192, data=data, methods=("own",), must_be_better=False, **SMALL)
    assert only.why[0].startswith("own, fade 96: on 20 validation documents")


def test_nothing_worse_than_cutting_is_chosen(model, data, monkeypatch):
    every = lambda trial: {length: np.ones(len(made.documents)) for length, made, _ in trial.sets}  # noqa: E731
    monkeypatch.setattr(EmbeddingTrial, "baseline", every)
    with pytest.raises(WorkFailedError, match="no extension method is better than cutting documents to 96 tokens"):
        search_method(model, 192, data=data, **SMALL)


def answers(monkeypatch, run, baseline):
    monkeypatch.setattr(EmbeddingTrial, "prepare", lambda *_: None)
    monkeypatch.setattr(EmbeddingTrial, "run", run)
    monkeypatch.setattr(EmbeddingTrial, "baseline", baseline)


def test_nothing_below_the_baseline_is_preferred(model, data, monkeypatch):
    """A candidate that keeps more rows and does not differ from the best, but is worse than cutting."""
    found = {"best": np.arange(20) < 10, "kept": np.arange(20) > 10}

    def run(_, method, options):
        better = (method, options) == ("stretch", {"range": 96})
        outcomes = {96: found["best" if better else "kept"].astype(float)}
        return Candidate(method, options, 0 if better else options["range"], ACCURACY, outcomes)

    for share, taken in ((0.475, "stretch"), (0.4, "tile")):
        baseline = np.full(20, share)
        answers(monkeypatch, run, lambda _, each=baseline: {96: each})
        assert search_method(model, 192, data=data, **SMALL).method == taken


def test_what_is_worse_at_a_length_is_not_chosen(model, data, monkeypatch, candidate):
    """The best by its mean loses at the old length."""

    tried = []

    def run(_, method, options):
        mean = {96: 0.5, 192: 1 - options.get("range", 0) / 1000}
        tried.append(candidate(mean if method == "mean" else {96: 0.8, 192: 0.6}, method, **options))
        return tried[-1]

    answers(monkeypatch, run, lambda _: candidate({96: 0.7, 192: 0.2}).outcomes)
    assert search_method(model, 192, data=data, **SMALL).method != "mean"
    answers(monkeypatch, run, lambda _: candidate({96: 0.9, 192: 0.2}).outcomes)
    with pytest.raises(WorkFailedError, match="matches, at every length, cutting documents to 96 tokens") as told:
        search_method(model, 192, data=data, **SMALL)
    assert "With `length_aware`, short inputs read the old table" in str(told.value)
    assert max(tried, key=lambda each: each.worth).describe() in str(told.value)
    found = search_method(model, 192, data=data, must_be_better=False, **SMALL)  # the start of a calibration
    assert found.method == "mean"
    assert search_method(model, 192, data=data, length_aware=True, **SMALL).short == 96


@pytest.mark.parametrize("methods", [(), ("tile", "linear"), ("cubic",)])
def test_methods_that_cannot_be_searched(model, data, methods):
    with pytest.raises(InvalidArgumentError, match=r"methods=.* must be among tile, stretch, mean"):
        search_method(model, 192, data=data, methods=methods, **SMALL)


def test_only_the_methods_that_are_named_and_suit_the_model():
    assert [method.name for method in allowed_methods("embedding", ("mean", "tile"))] == ["tile", "mean"]
    with pytest.raises(InvalidArgumentError, match=r"must be among tile, stretch: .* suit the model \(causal\)"):
        allowed_methods("causal", ("mean",))


def test_length_aware_tables_that_cannot_be_loaded_are_refused_at_once(model, data, monkeypatch):
    def refused(*_, **__):
        raise InvalidArgumentError("no such embedding")

    monkeypatch.setattr(search, "length_aware_file", refused)
    monkeypatch.setattr(EmbeddingTrial, "load", lambda *_: pytest.fail("work was begun"))
    with pytest.raises(InvalidArgumentError, match="no such embedding"):
        search_method(model, 192, data=data, length_aware=True, **SMALL)


def test_a_checkpoint_with_length_aware_tables_is_refused(model, data, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    (folder / "length_aware.safetensors").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="search with the checkpoint that they were made from"):
        search_method(folder, 192, data=data, **SMALL)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_language_models_by_their_loss(kind, request, texts, tmp_path, monkeypatch):
    """What is measured is what the extended checkpoint does; a sliding window that is better is not given up for it."""
    source = request.getfixturevalue(kind)
    monkeypatch.setattr(
        LanguageTrial, "baseline", lambda trial: {n: np.full(len(ids), 99.0) for n, ids, _ in trial.inputs}
    )
    found = search_method(source, 128, data=texts, documents=8, precision="fp32")
    assert found.measure == "loss"
    assert {c.method for c in found.swept} == {"tile", "stretch"}  # a mean is for embedding models alone
    best = selected(found)
    means = [sum(c.values.values()) / len(c.values) for c in found.swept[:4]]
    assert sum(best.values.values()) / len(best.values) <= min(means) + 0.05
    extend_checkpoint(source, tmp_path / "out", 128, method=found.method, **found.options)
    loaded = kind_of(tmp_path / "out").load(tmp_path / "out")
    tokens = [loaded.encode(text) for text in load_whole_texts(texts)["validation"]]
    ids = cut_documents(tokens, 128, 8, "validation", 0)
    predicted = loaded.kind.choose(ids.shape, generator("masks", "validation", 128, 0))
    losses = Scorer.of(loaded).losses(ids, predicted)
    assert np.nanmean(losses, axis=1).mean() == pytest.approx(best.values[128], rel=1e-5)
    monkeypatch.setattr(LanguageTrial, "baseline", lambda trial: {n: np.zeros(len(ids)) for n, ids, _ in trial.inputs})
    with pytest.raises(WorkFailedError, match="no extension method is better than a sliding window of 64 tokens"):
        search_method(source, 128, data=texts, documents=8, precision="fp32")


def test_the_baseline_of_a_language_model_is_its_sliding_window(causal, texts, monkeypatch):
    seen = {}
    inner = LanguageTrial.baseline

    def watch(trial):
        seen["trial"], seen["found"] = trial, inner(trial)
        return {length: np.full(len(ids), 99.0) for length, ids, _ in trial.inputs}

    monkeypatch.setattr(LanguageTrial, "baseline", watch)
    search_method(causal, 128, data=texts, documents=8, precision="fp32")
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
        search_method(example_checkpoints / name, length)


def test_options_are_in_the_signature():
    parameters = inspect.signature(search_method).parameters
    assert {field.name for field in dataclasses.fields(SearchOptions)} < set(parameters)
    assert parameters["pool"].default == 50


def test_the_checkpoint_is_searched_once(model, data, monkeypatch):
    from posembed.find import search as find

    scans, inner = [], find._search
    monkeypatch.setattr(find, "_search", lambda checkpoint: scans.append(checkpoint.root) or inner(checkpoint))
    search_method(model, 192, data=data, methods=("tile",), must_be_better=False, **SMALL)
    assert scans == [model]


def test_the_command(cli, model, data, tmp_path, monkeypatch):
    inner = search.search_method
    small = lambda *arguments, **keywords: inner(*arguments, **keywords, **SMALL)  # noqa: E731
    monkeypatch.setattr(search, "search_method", small)
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
