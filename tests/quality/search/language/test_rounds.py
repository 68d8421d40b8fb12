"""The rounds of a search, with a trial that needs no model."""

import numpy as np
import pytest

from posembed.observer import Callbacks
from posembed.quality.search.language.candidates import Candidate
from posembed.quality.search.language.rounds import FINALISTS, rank_candidates
from posembed.tables.registry import searchable_methods
from posembed.tables.search_space import SearchTable

TABLE = SearchTable(np.random.default_rng(0).standard_normal((64, 8)), 64, 128)


class FakeTrial:
    """Loss by method and range, made from a share of hits; it remembers what was asked."""

    def __init__(self, share, baseline=0.3):
        self.share, self.shared_baseline = share, baseline
        self.calls, self.count = [], 0

    def documents(self):
        return 20, 100

    def prepare(self, documents):
        self.count = documents
        self.calls.append(documents)

    def run(self, method, options):
        self.calls.append((method, options))
        hits = {n: (np.arange(self.count) < self.share(method, options, n) * self.count) for n in (64, 128)}
        return Candidate(method, options, 0, {n: 1 - each.astype(float) for n, each in hits.items()})

    def baseline(self):
        return {n: (np.arange(self.count) >= self.shared_baseline * self.count).astype(float) for n in (64, 128)}


def by_range(method, options, _length):
    """Best at 24 rows, and tile best of the methods."""
    return 0.9 - abs(options["range"] - 24) / 100 - {"tile": 0.0, "stretch": 0.05, "mean": 0.1}[method]


@pytest.fixture(scope="module")
def ranking():
    trial = FakeTrial(by_range)
    return trial, rank_candidates(trial, searchable_methods("embedding"), TABLE, length_aware=False)


def test_two_rounds_on_few_documents_and_the_best_on_all(ranking):
    trial, found = ranking
    assert [call for call in trial.calls if isinstance(call, int)] == [20, 100]
    again = trial.calls[trial.calls.index(100) + 1 :]
    assert [(each.method, each.options) for each in found.swept[:FINALISTS]] == again
    assert len(found.finalists) == FINALISTS == 4
    assert {each.documents for each in found.finalists} == {100}
    assert {each.documents for each in found.swept} == {20}
    assert {n: len(each) for n, each in found.baseline.items()} == {64: 100, 128: 100}


def test_the_second_round_follows_the_best_of_the_first(ranking):
    trial, _ = ranking
    asked = [call[1] for call in trial.calls if isinstance(call, tuple)]
    refined = [options for options in asked if {"ratio", "kernel"} & set(options)]
    assert {options["range"] for options in refined} <= {24, 20}
    assert {"range": 24, "ratio": 2} in refined


def test_the_best_comes_first(ranking):
    _, found = ranking
    for candidates in (found.swept, found.finalists):
        worths = [each.worth for each in candidates]
        assert worths == sorted(worths, reverse=True)
    assert (found.finalists[0].method, found.finalists[0].options) == ("tile", {"range": 24})


def test_length_aware_candidates_read_the_old_table(ranking):
    plain = ranking[1].finalists[0]
    assert plain.kept == 0
    bad_at_64 = FakeTrial(lambda method, options, n: 0.1 if n == 64 else by_range(method, options, n), baseline=0.5)
    found = rank_candidates(bad_at_64, searchable_methods("embedding"), TABLE, length_aware=True)
    assert found.finalists[0].kept == 64
    assert found.finalists[0].values[64] == 0.5


def test_candidates_that_lose_somewhere_are_not_measured_again():
    """Stretched candidates are best on average, and worse than the old table at its length."""

    def share(method, options, length):
        return {"tile": 0.6, "mean": 0.55}.get(method, 0.1 if length == 64 else 1.0) - options["range"] / 1000

    trial = FakeTrial(share, baseline=0.4)
    found = rank_candidates(trial, searchable_methods("embedding"), TABLE, length_aware=False)
    assert {each.method for each in found.finalists} == {"tile"}


def test_what_is_measured_is_said():
    said = []
    rank_candidates(
        FakeTrial(by_range), searchable_methods("causal"), TABLE, length_aware=False,
        observer=Callbacks(message=said.append),
    )  # fmt: skip
    assert said[0] == "measuring tile (range 64)"
    assert said[-1].endswith("on 100 documents")
    assert not any("mean" in line for line in said)
