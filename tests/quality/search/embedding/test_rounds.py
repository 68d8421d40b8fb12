"""Candidates are dropped from round to round, and the rounds end where nothing can be better."""

from types import SimpleNamespace

import numpy as np
import pytest

from posembed.observer import Callbacks
from posembed.quality.search.embedding import rounds
from posembed.quality.search.embedding.baselines import Baseline
from posembed.quality.search.embedding.judged import JudgedSet
from posembed.quality.search.embedding.rounds import FINALISTS, SECOND_ROUND, Rounds
from posembed.records.search import SearchOptions
from posembed.tables.registry import searchable_methods
from posembed.tables.search_space import SearchTable

TABLE = SearchTable(np.random.default_rng(0).standard_normal((64, 8)), 64, 256, shown=(64, 24))


def a_set(task, length, count, scope="longer"):
    queries = tuple((length, number) for number in range(count))
    return JudgedSet(task, scope, length, (), queries, (), None, queries)


class Sets:
    """Of 100 documents as many as the share says."""

    def longer(self, share):
        return [a_set("title", length, round(100 * share)) for length in (128, 256)]

    def native(self):
        return [a_set("title", 64, 100, "native")]

    def beside(self):
        return []


class Bench:
    """A share of hits by method and range; it remembers what was asked."""

    def __init__(self, share):
        self.share, self.asked = share, []
        self.table = SimpleNamespace(usable_length=64)

    def outcomes(self, tried, sets, *, length_aware):
        self.asked += [(tried.method, dict(tried.options), length_aware, each.key, len(each.queries)) for each in sets]
        return {each.key: self.hits(each, self.share(tried, length_aware, each)) for each in sets}

    def old_outcomes(self, sets):
        return {each.key: self.hits(each, 0.5) for each in sets}

    @staticmethod
    def hits(each, share):
        return (np.arange(len(each.queries)) < round(share * len(each.queries))).astype(float)


def run(monkeypatch, share, baseline=0.3, messages=None, **options):
    bench = Bench(share)

    class Baselines:
        def __init__(self, _):
            pass

        def keep_best_chunks(self, sets, _):
            assert {each.length for each in sets} == {128}

        def measure(self, sets, _):
            outcomes = {each.key: Bench.hits(each, baseline) for each in sets}
            return [Baseline("truncated", outcomes, baseline, 1.0, 64.0, 1.0)]

    monkeypatch.setattr(rounds, "Baselines", Baselines)
    observer = Callbacks(message=(messages if messages is not None else []).append)
    found = Rounds(bench, Sets(), TABLE, SearchOptions(**options), observer).run(searchable_methods("embedding"))
    return bench, found


def by_range(tried, _aware, each):
    if each.scope == "native":
        return 0.5
    return 0.8 - abs(tried.options["range"] - 24) / 100 - {"tile": 0.0, "stretch": 0.05, "mean": 0.1}[tried.method]


def test_many_on_few_documents_and_few_on_all(monkeypatch):
    bench, found = run(monkeypatch, by_range)
    rounds_of = {}
    for method, options, aware, key, count in bench.asked:
        if not aware and key == ("title", 128):
            rounds_of.setdefault(count, []).append((method, options))
    few, some, every = (rounds_of[count] for count in (17, 33, 100))
    assert len(few) == found.candidates > 6
    assert SECOND_ROUND <= len(some) <= SECOND_ROUND + 1
    assert FINALISTS <= len(every) <= FINALISTS + 1
    assert every[0] == ("tile", {"range": 24})
    assert not any(key == ("title", 256) and count == 17 for *_, key, count in bench.asked)


def test_the_best_methods_are_refined(monkeypatch):
    bench, _ = run(monkeypatch, by_range)
    refined = [options for method, options, aware, *_ in bench.asked if method == "stretch" and len(options) > 1]
    assert {"range": 24, "ratio": 2} in refined
    assert not any(method == "mean" and options["keep"] != 1 for method, options, *_ in bench.asked)


def test_the_best_comes_first_and_is_accepted(monkeypatch):
    _, found = run(monkeypatch, by_range)
    best, *_ = found.asked(length_aware=False)
    assert (best.measured.tried.method, best.measured.tried.options, best.accepted) == ("tile", {"range": 24}, True)
    assert len(found.swept) == found.candidates - len(found.asked(length_aware=False))
    worths = [each.worth for each in found.swept]
    assert worths[SECOND_ROUND:] == sorted(worths[SECOND_ROUND:], reverse=True)


def test_rounds_end_where_every_candidate_clearly_loses(monkeypatch):
    bench, found = run(monkeypatch, by_range, baseline=1.0)
    assert max(count for *_, count in bench.asked) == 33
    assert not any(each.accepted for each in found.judgments)
    assert all(each.hopeless for each in found.judgments)


def test_a_start_of_a_training_is_not_measured_on_all(monkeypatch):
    bench, found = run(monkeypatch, by_range, must_be_better=False)
    assert max(count for *_, count in bench.asked) == 33
    assert found.asked(length_aware=False)[0].measured.tried.options == {"range": 24}


def test_length_aware_tables_that_were_not_asked_for_are_measured_beside(monkeypatch):
    """Plain, stretched rows find nothing; with queries that read the old table they are best."""

    def share(tried, aware, each):
        if tried.method == "stretch":
            return 0.9 if aware else 0.0
        return by_range(tried, aware, each)

    _, found = run(monkeypatch, share)
    assert found.asked(length_aware=True)[0].measured.tried.method == "stretch"
    assert found.asked(length_aware=False)[0].measured.tried.method == "tile"
    bench, found = run(monkeypatch, share, length_aware=True)
    assert {aware for _, _, aware, *_ in bench.asked} == {True}
    assert found.asked(length_aware=True)[0].measured.kept == 64
    assert found.asked(length_aware=False) == []


def test_the_same_candidate_is_reported_once(monkeypatch):
    _, found = run(monkeypatch, by_range)
    measured = [*(each.measured for each in found.asked(length_aware=False)), *found.swept]
    names = [(each.tried.method, tuple(each.tried.options.items())) for each in measured]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("length_aware", [False, True])
def test_what_is_measured_is_said(monkeypatch, length_aware):
    said = []
    run(monkeypatch, by_range, messages=said, length_aware=length_aware)
    assert said[0] == "measuring tile (range 64)"
