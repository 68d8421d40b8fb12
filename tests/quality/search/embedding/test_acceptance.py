"""When a candidate is worth writing, on outcomes whose answer is known."""

import numpy as np
import pytest

from posembed.quality.search.embedding.acceptance import OLD_TABLE, Measured, judge
from posembed.quality.search.embedding.baselines import Baseline
from posembed.quality.search.embedding.bench import Tried
from posembed.quality.search.embedding.judged import JudgedSet

COUNT = 200


def hits(share, shift=0):
    return ((np.arange(COUNT) + shift) % COUNT < share * COUNT).astype(float)


def a_set(task, length, scope="longer", decides=True):
    queries = tuple((length, number) for number in range(COUNT))
    return JudgedSet(task, scope, length, (), queries, (), None, queries, decides)


SETS = [a_set("title", 128), a_set("section", 128), a_set("needle", 128, decides=False), a_set("title", 64, "native")]


def measured(title, section, native=0.5, length_aware=False, needle=0.5):
    more = {("needle", 128): hits(needle), ("title", 64): hits(native)}
    outcomes = {("title", 128): hits(title), ("section", 128): hits(section)}
    return Measured(Tried("tile", {"range": 9}), length_aware, 9, outcomes, more)


def baseline(name, title, section, vectors=1.0):
    outcomes = {("title", 128): hits(title), ("section", 128): hits(section), ("needle", 128): hits(1.0)}
    return Baseline(name, outcomes, (title + section) / 2, vectors, 64.0, 1.0)


def judged(one, baselines=None, candidates=1, sets=SETS):
    cut = baseline("truncated", 0.5, 0.5)
    return judge(one, sets, baselines or [cut], {("title", 64): hits(0.5)}, candidates)


@pytest.mark.parametrize(
    ("title", "section", "accepted"),
    [
        (0.5, 0.7, True),  # one task gains, the other is the same
        (0.7, 0.5, True),
        (0.5, 0.5, False),  # nothing is gained
        (0.49, 0.7, True),  # a small loss is given
        (0.44, 0.9, False),  # a larger one is not
        (0.5, 0.505, False),  # may be chance
    ],
)
def test_some_task_must_gain_and_none_may_lose(title, section, accepted):
    found = judged(measured(title, section))
    assert found.accepted == accepted
    assert found.blocking == (() if accepted else ("truncated",))


def test_chunks_that_are_as_good_are_not_given_up():
    chunks = baseline("chunks averaged", 0.5, 0.7)
    found = judged(measured(0.5, 0.7), [baseline("truncated", 0.5, 0.5), chunks])
    assert found.blocking == ("chunks averaged",)
    assert not found.accepted


@pytest.mark.parametrize("vectors", [None, 9.0])
def test_more_vectors_or_none_are_no_rivals(vectors):
    more = baseline("best chunk", 0.9, 0.9, vectors)
    assert judged(measured(0.5, 0.7), [baseline("truncated", 0.5, 0.5), more]).accepted


def test_what_the_old_table_has_room_for_must_not_lose():
    found = judged(measured(0.5, 0.7, native=0.4))
    assert found.blocking == (OLD_TABLE,)
    assert [each.task for each in found.against(OLD_TABLE)] == ["title"]
    assert judged(measured(0.5, 0.7, native=0.49)).accepted
    aware = judged(measured(0.5, 0.7, native=0.4, length_aware=True))  # it reads the old table there
    assert aware.accepted
    assert aware.against(OLD_TABLE) == []


def test_sets_that_decide_nothing_play_no_part():
    assert judged(measured(0.5, 0.7, needle=0.0)).accepted
    assert {each.task for each in judged(measured(0.5, 0.7)).comparisons} == {"title", "section"}


def test_of_many_candidates_one_looks_best_by_chance():
    outcomes = {("title", 128): hits(0.5), ("section", 128): hits(0.53)}
    one = Measured(Tried("tile", {}), False, 9, outcomes, {("title", 64): hits(0.5)})
    assert judged(one, candidates=1).accepted
    assert not judged(one, candidates=1000).accepted


def test_what_clearly_loses_is_hopeless():
    assert judged(measured(0.3, 0.9)).hopeless  # titles are lost for sure
    assert judged(measured(0.5, 0.5)).hopeless  # the same everywhere: nothing can be gained
    noisy = Measured(Tried("tile", {}), False, 9, {("title", 128): hits(0.5, 9), ("section", 128): hits(0.5, 30)}, {})
    assert not judged(noisy, sets=SETS[:2]).hopeless  # equal by its mean, and undecided
    assert not judged(noisy, sets=SETS[:2]).accepted
    assert judged(measured(0.5, 0.7, native=0.1)).hopeless


def test_the_record_has_means_by_task_and_length():
    record = measured(0.5, 0.7).record()
    assert record.tasks == {
        "title": {128: 0.5, 64: 0.5}, "section": {128: 0.7}, "needle": {128: 0.5},
    }  # fmt: skip
    assert record.accuracy == {128: pytest.approx(0.6)}
    assert (record.documents, record.kept, record.length_aware, record.loss) == (COUNT, 9, False, None)


def test_a_comparison_says_what_it_is_over():
    (title, section, native) = judged(measured(0.5, 0.7)).comparisons
    assert (title.lengths, title.documents, title.scope, title.baseline) == ((128,), COUNT, "longer", "truncated")
    assert (native.scope, native.baseline) == ("native", OLD_TABLE)
    assert section.mean == pytest.approx(0.2)
    assert section.low < 0.2 < section.high
