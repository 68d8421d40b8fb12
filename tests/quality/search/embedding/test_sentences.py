"""Why a candidate was chosen, and what serves as well: names, numbers and what to do next."""

import numpy as np
import pytest

from posembed.quality.search.embedding.acceptance import Measured, judge
from posembed.quality.search.embedding.baselines import Baseline
from posembed.quality.search.embedding.bench import Tried
from posembed.quality.search.embedding.judged import JudgedSet
from posembed.quality.search.embedding.rounds import Ranking
from posembed.quality.search.embedding.sentences import FEW_ROWS, reasons, refusal

COUNT = 100


def hits(share):
    return (np.arange(COUNT) < share * COUNT).astype(float)


def a_set(task, length, scope="longer"):
    queries = tuple((length, number) for number in range(COUNT))
    return JudgedSet(task, scope, length, (), queries, (), None, queries)


SETS = [a_set("title", 128), a_set("title", 256), a_set("section", 256), a_set("short texts", 32, "native")]


def outcomes(title, section):
    return {("title", 128): hits(title), ("title", 256): hits(title), ("section", 256): hits(section)}


def baseline(name, title, section, vectors=1.0, tokens=64.0):
    found = outcomes(title, section)
    return Baseline(name, found, float(np.mean([v.mean() for v in found.values()])), vectors, tokens, 1.25)


def ranked(title, section, baselines=(), native=0.5, length_aware=False, kept=0):
    more = {("short texts", 32): hits(native)}
    one = Measured(Tried("mean", {"range": 9, "keep": 1}), length_aware, kept, outcomes(title, section), more)
    baselines = [baseline("truncated", 0.3, 0.2), *baselines]
    judgment = judge(one, SETS, baselines, {("short texts", 32): hits(0.5)}, 5)
    return judgment, Ranking([judgment], [], baselines, SETS, 5)


def test_what_was_found_and_beaten():
    best, ranking = ranked(0.7, 0.6)
    first, second, third = reasons(best, ranking, 64, None)
    assert first == (
        "mean (range 9, keep 1): of 300 queries about documents of 128 and 256 tokens, it finds title 0.70 and section "
        "0.60."
    )
    assert second.startswith(
        "It beats every use of one vector per document without it; the strongest is truncated with title 0.30 and "
        "section 0.20: title +0.40 (+0."
    )
    assert second.endswith("intervals corrected for 5 candidates.")
    assert third.startswith("Every input reads other rows than before (vectors")


def test_what_needs_more_vectors_or_none_is_named_where_it_finds_more():
    more = [baseline("best chunk 64", 0.9, 0.9, 4.0), baseline("BM25", 0.95, 0.9, None, 0.0)]
    best, ranking = ranked(0.7, 0.6, more)
    sentence = reasons(best, ranking, 64, None)[2]
    assert sentence == (
        "More is found by BM25 (no vectors per document): title 0.95 and section 0.90; and by best chunk 64 (4.0 "
        "vectors per document, 64 tokens read): title 0.90 and section 0.90."
    )
    refused = refusal(*ranked(0.3, 0.2, more), 64, None)[1]
    assert refused.startswith("More is found by BM25 (no vectors per document, 1.2 ms per query): title 0.95")
    less = [baseline("best chunk 64", 0.1, 0.1, 4.0)]
    assert not any("best chunk" in each for each in reasons(*ranked(0.7, 0.6, less), 64, None))


@pytest.mark.parametrize(
    ("kept", "length_aware", "sentence"),
    [
        (FEW_ROWS + 1, False, "Inputs of up to 17 tokens keep their rows bit for bit."),
        (FEW_ROWS, False, "Inputs of more than 16 tokens read other rows than before (vectors"),
        (64, True, "Inputs of up to 64 tokens read the old table, bit for bit"),
    ],
)
def test_what_short_inputs_read(kept, length_aware, sentence):
    best, ranking = ranked(0.7, 0.6, kept=kept, length_aware=length_aware)
    assert reasons(best, ranking, 64, None)[-1].startswith(sentence)


def test_a_refusal_names_the_better_baseline_its_cost_and_the_way_on():
    best, ranking = ranked(0.5, 0.5, [baseline("chunks averaged", 0.6, 0.5)])
    assert not best.accepted
    first, last = refusal(best, ranking, 64, None)
    assert first.startswith(
        "no longer table is shown to be better than chunks averaged (1 vector per document, 64 tokens read, "
        "1.2 ms per query): of 300 queries about documents of 128 and 256 tokens, that finds title 0.60 and "
        "section 0.50; mean (range 9, keep 1), the best of 5 candidates, finds title 0.50 and section 0.50. The "
        "difference is title −0.10 (−0."
    )
    assert first.endswith("some task must gain, and none may lose 0.05.")
    assert last.endswith("to extend all the same: method='mean', range=9, keep=1.")


def test_a_refusal_for_the_sake_of_short_inputs():
    best, ranking = ranked(0.7, 0.6, native=0.3)
    first, _ = refusal(best, ranking, 64, None)
    assert first.startswith("no longer table is shown to keep what the model finds in documents of up to 64 tokens:")
    assert "in those short texts −0.20 (−0." in first


def test_length_aware_tables_are_offered_where_they_are_better():
    best, ranking = ranked(0.7, 0.6, native=0.3)
    aware, _ = ranked(0.7, 0.6, native=0.3, length_aware=True)
    assert aware.accepted
    assert refusal(best, ranking, 64, aware)[1].startswith("With `length_aware`, where the old table has room")
    assert "`length_aware`" not in refusal(best, ranking, 64, None)[0]


def test_a_start_that_is_not_better_is_said_to_be_none():
    best, ranking = ranked(0.3, 0.2)
    assert reasons(best, ranking, 64, None)[1].startswith("It is not shown to beat every use")
