"""The cheapest of those that are not significantly worse than the best, on outcomes that are known."""

import numpy as np
import pytest

from posembed.quality.evaluate.ranking import Cell, Cost
from posembed.quality.evaluate.recommend import compare_pooled, contests, recommend

DOCUMENTS = 40


def cell(system, share, vectors=1.0, tokens=100.0, length=1024, task="title", same_as=None, clusters=()):
    hits = (np.arange(DOCUMENTS) < share * DOCUMENTS).astype(np.int64)
    return Cell(
        task,
        length,
        system,
        system != "checkpoint",
        hits,
        np.zeros(DOCUMENTS, int),
        Cost(vectors, tokens),
        clusters,
        same_as,
    )


def results(*cells):
    found = contests(cells, 512)
    compared = compare_pooled(found)
    return found, compared, recommend(found, compared)


def by_budget(*cells):
    return {each.budget: each for each in results(*cells)[2]}


def test_the_best_is_used_where_it_is_significantly_better():
    made = by_budget(
        cell("checkpoint", 0.2, tokens=1024), cell("truncated", 0.3, tokens=512), cell("best chunk 128", 0.9, 9, 1040),
        cell("BM25", 0.2, None, 0),
    )  # fmt: skip
    assert {budget: each.system for budget, each in made.items()} == {
        "any": "best chunk 128", "one vector": "truncated", "several vectors": "best chunk 128",
    }  # fmt: skip
    assert made["any"].ties == ()
    assert made["one vector"].ties == ("checkpoint",)
    assert (made["any"].vectors_per_document, made["any"].accuracy.mean, made["any"].best) == (9, 0.9, "best chunk 128")


def test_of_tied_systems_the_cheapest_is_used():
    made = by_budget(
        cell("checkpoint", 0.55, tokens=1024), cell("truncated", 0.5, tokens=512),
        cell("truncated 256", 0.5, tokens=256), cell("word vectors", 0.0, tokens=0),
        cell("best chunk 128", 0.55, 9), cell("best chunk 512", 0.5, 3),
        cell("BM25", 0.5, None, 0),
    )  # fmt: skip
    assert {budget: each.system for budget, each in made.items()} == {
        "any": "BM25", "one vector": "truncated 256", "several vectors": "best chunk 512",
    }  # fmt: skip
    assert made["one vector"].best == "checkpoint"
    assert made["one vector"].ties == ("truncated", "checkpoint")
    assert made["any"].ties == ("checkpoint", "best chunk 128")


def test_without_vectors_or_several_the_others_are_there():
    made = by_budget(cell("checkpoint", 0.5), cell("truncated", 0.9))
    assert {budget: each.system for budget, each in made.items()} == {"any": "truncated", "one vector": "truncated"}
    (alone,) = by_budget(cell("BM25", 0.5, None, 0)).values()
    assert (alone.budget, alone.system, alone.ties) == ("any", "BM25", ())


def test_scopes():
    cells = [
        *(cell("checkpoint", 0.5, length=length) for length in (256, 512, 1024, 2048)),
        *(cell("truncated", 0.25, length=length) for length in (256, 512, 1024, 2048, 4096)),
    ]
    longer, native = contests(cells, 512)
    assert (longer.scope, longer.lengths) == ("longer", (1024, 2048))
    assert (native.scope, native.lengths) == ("native", (256, 512))
    compared = compare_pooled([longer, native])
    assert [(each.scope, each.first, each.second, each.mean) for each in compared] == [
        ("longer", "checkpoint", "truncated", 0.25), ("native", "checkpoint", "truncated", 0.25),
    ]  # fmt: skip
    assert {each.scope for each in recommend([longer, native], compared)} == {"longer"}


def test_lengths_that_no_checkpoint_reads_are_used_where_there_are_no_others():
    (only,) = contests([cell("truncated", 0.5, length=2048), cell("BM25", 0.5, None, length=2048)], 512)
    assert (only.lengths, list(only.systems)) == ((2048,), ["truncated", "BM25"])


def test_a_system_that_does_the_same_everywhere_takes_no_part():
    cells = [
        cell("checkpoint", 0.5, length=1024), cell("checkpoint", 0.5, length=2048),
        cell("late chunk 512", 0.5, length=1024, same_as="checkpoint"), cell("late chunk 512", 0.75, 3, length=2048),
        cell("late chunk 4096", 0.5, length=1024, same_as="checkpoint"),
        cell("late chunk 4096", 0.5, length=2048, same_as="checkpoint"), cell("best chunk 128", 0.5, 9, length=1024),
    ]  # fmt: skip
    (contest,) = contests(cells, 512)
    assert list(contest.systems) == ["checkpoint", "late chunk 512"]
    assert contest.systems["late chunk 512"].mean == pytest.approx(0.625)
    assert contest.systems["late chunk 512"].vectors == 2


def test_a_document_with_another_query_at_another_length_counts_once():
    """Outcomes that repeat each other make no interval narrower."""
    documents = tuple(f"document {number}" for number in range(DOCUMENTS))
    one = [cell("checkpoint", 0.5, clusters=documents), cell("truncated", 0.2, clusters=documents)]
    again = [cell(each.system, each.hits.mean(), length=2048, clusters=documents) for each in one]
    once, twice = (compare_pooled(contests(cells, 512))[0] for cells in (one, [*one, *again]))
    assert (once.low, once.high) == (twice.low, twice.high)
    assert once.p > 0
    apart = [cell(each.system, each.hits.mean(), length=2048, clusters=range(DOCUMENTS)) for each in one]
    wrong = compare_pooled(contests([*one, *apart], 512))[0]
    assert wrong.high - wrong.low < 0.8 * (once.high - once.low)


def test_a_query_at_several_lengths_counts_once():
    queries = tuple((number,) for number in range(DOCUMENTS))
    others = tuple((number + 20,) for number in range(DOCUMENTS))
    cells = [cell("checkpoint", 1.0, clusters=queries), cell("checkpoint", 0.0, length=2048, clusters=others)]
    (contest,) = contests(cells, 512)
    values = contest.systems["checkpoint"].values
    assert values.tolist() == [1.0] * 20 + [0.5] * 20 + [0.0] * 20
    without = contests([cell("checkpoint", 1.0), cell("checkpoint", 0.0, length=2048)], 512)[0]
    assert without.systems["checkpoint"].values.tolist() == [0.5] * DOCUMENTS


def test_intervals_and_p_values_are_corrected_for_all_comparisons():
    cells = [
        each
        for task in ("title", "section")
        for each in (cell("checkpoint", 0.2, task=task), cell("truncated", 0.5, task=task))
    ]
    found, compared, _ = results(*cells)
    assert len(compared) == 4
    alone = compare_pooled([found[0]])
    assert len(alone) == 2
    assert compared[0].p_holm == pytest.approx(2 * alone[0].p_holm)
    assert compared[0].low < alone[0].low < compared[0].mean < alone[0].high < compared[0].high


def test_the_comparison_is_made_once():
    _, compared, _ = results(cell("checkpoint", 0.9), cell("truncated", 0.2))
    assert [(each.first, each.second) for each in compared] == [("checkpoint", "truncated")]
