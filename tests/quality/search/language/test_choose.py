"""A language model's method by its loss: what is measured is what the extended checkpoint does."""

import numpy as np
import pytest

from posembed import extend_checkpoint
from posembed.errors import NoBetterMethodError
from posembed.quality.evaluate.documents import cut_documents
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.kinds import kind_of
from posembed.quality.models.scorer import Scorer
from posembed.quality.rng import generator
from posembed.quality.search.language.candidates import Candidate
from posembed.quality.search.language.choose import accepted
from posembed.quality.search.language.trial import LanguageTrial
from posembed.quality.search.search import search_method
from posembed.quality.texts import load_whole_texts

SMALL = {"documents": 8, "precision": "fp32"}


def window(monkeypatch, loss):
    """Let a sliding window have one loss on every document."""
    monkeypatch.setattr(
        LanguageTrial, "baseline", lambda trial: {n: np.full(len(ids), loss) for n, ids, _ in trial.inputs}
    )


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_the_losses_are_those_of_the_extended_checkpoint(kind, request, texts, tmp_path, monkeypatch):
    source = request.getfixturevalue(kind)
    window(monkeypatch, 99.0)
    found = search_method(source, 128, data=texts, **SMALL)
    assert (found.measure, found.accepted, found.baselines) == ("loss", True, None)
    assert {c.method for c in found.swept} == {"tile", "stretch"}  # a mean is for embedding models alone
    best = next(c for c in found.swept if (c.method, c.options) == (found.method, found.options))
    means = [sum(c.values.values()) / len(c.values) for c in found.swept[:4]]
    assert sum(best.values.values()) / len(best.values) <= min(means) + 0.05
    assert {(each.baseline, each.task, each.lengths) for each in found.comparisons} == {
        ("sliding window", "loss", (128,))
    }
    assert all(each.low > 90 for each in found.comparisons)
    assert found.texts.splits == ("validation",)
    extend_checkpoint(source, tmp_path / "out", 128, method=found.method, **found.options)
    loaded = kind_of(tmp_path / "out").load(tmp_path / "out")
    tokens = [loaded.encode(text) for text in load_whole_texts(texts)["validation"]]
    ids = cut_documents(tokens, 128, 8, "validation", 0)
    predicted = loaded.kind.choose(ids.shape, generator("masks", "validation", 128, 0))
    losses = Scorer.of(loaded).losses(ids, predicted)
    assert np.nanmean(losses, axis=1).mean() == pytest.approx(best.values[128], rel=1e-5)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_a_window_that_is_as_good_is_not_given_up(kind, request, texts, monkeypatch):
    window(monkeypatch, 0.0)
    with pytest.raises(NoBetterMethodError, match="shown to be better than a sliding window of 64 tokens") as told:
        search_method(request.getfixturevalue(kind), 128, data=texts, **SMALL)
    choice = told.value.choice
    assert (choice.accepted, choice.baseline) == (False, {64: 0.0, 128: 0.0})
    assert str(told.value) == " ".join(choice.why)
    forced = search_method(request.getfixturevalue(kind), 128, data=texts, must_be_better=False, **SMALL)
    assert (forced.method, forced.accepted) == (choice.method, False)


def test_the_baseline_is_the_sliding_window(causal, texts, monkeypatch):
    seen = {}
    inner = LanguageTrial.baseline

    def watch(trial):
        seen["trial"], seen["found"] = trial, inner(trial)
        return {length: np.full(len(ids), 99.0) for length, ids, _ in trial.inputs}

    monkeypatch.setattr(LanguageTrial, "baseline", watch)
    search_method(causal, 128, data=texts, **SMALL)
    scorer = Scorer.of(kind_of(causal).load(causal))
    for length, ids, chosen in seen["trial"].inputs:
        wanted = np.nanmean(sliding_losses(scorer, ids, chosen, 64), axis=1)
        np.testing.assert_allclose(seen["found"][length], wanted, rtol=1e-5)


def test_a_gain_must_be_clear_and_nothing_may_be_lost():
    old = {64: np.ones(20), 128: np.ones(20)}
    noise = np.tile([-0.5, 0.5], 10)

    def one(short, long):
        return Candidate("tile", {}, 0, {64: np.ones(20) + short, 128: np.ones(20) - long})

    assert accepted(one(0.0, 0.6 + noise), old, 64, 1)
    assert not accepted(one(0.0, 0.2 + noise), old, 64, 1)  # it may be chance
    assert not accepted(one(0.1, 0.6 + noise), old, 64, 1)  # short inputs lose
    assert not accepted(one(0.0, 0.3 + noise), old, 64, 30)  # of thirty candidates one looks as good by chance
    assert accepted(one(0.0, 0.3 + noise), old, 64, 1)
