"""Sentences about own data."""

from posembed.quality.retrieval_data.verdict import own_verdict, range_words
from posembed.records.interval import DocumentInterval
from posembed.records.retrieval import DataCell, DataComparison, LengthRange, OwnRetrieval

SOME = LengthRange(512, 1024, 7)


def cell(system, mean, lengths=None):
    interval = DocumentInterval(mean, mean - 0.1, mean + 0.1)
    return DataCell(lengths, system, 9, interval, interval, interval, interval)


def compared(second, mean, p_holm, lengths=None):
    return DataComparison(lengths, "checkpoint", second, mean, mean - 0.1, mean + 0.1, p_holm, p_holm)


def results(*cells, comparisons=(), cut=0, cut_queries=0):
    return OwnRetrieval(100, 9, 0, 1500, cut, cut_queries, cells, comparisons)


def test_a_better_baseline_is_named():
    found = own_verdict(
        results(
            cell("checkpoint", 0.4),
            cell("BM25", 0.7),
            cell("truncated", 0.5),
            cell("checkpoint", 0.9, SOME),
            comparisons=(
                compared("truncated", -0.1, 0.2),
                compared("BM25", -0.3, 0.01),
                compared("BM25", 0.2, 0.9, SOME),
            ),
        )
    )
    assert found == (
        "Your data (9 queries, 100 documents): BM25 is best, with nDCG@10 0.700 (0.600 to 0.800)",
        "Your data, all queries: checkpoint − BM25 = -0.300 (-0.400 to -0.200) in nDCG@10, corrected p "
        "0.01: significant loss",
        "Your data, documents of 513 to 1024 tokens: checkpoint − BM25 = +0.200 (+0.100 to +0.300) in nDCG@10, "
        "corrected p 0.9: no significant difference",
    )


def test_the_best_checkpoint_is_compared_with_the_next():
    found = own_verdict(
        results(
            cell("checkpoint", 0.8),
            cell("BM25", 0.7),
            cell("truncated", 0.5),
            comparisons=(compared("truncated", 0.3, 0.001), compared("BM25", 0.1, 0.2)),
        )
    )
    assert found[0].startswith("Your data (9 queries, 100 documents): checkpoint is best")
    assert found[1].startswith("Your data, all queries: checkpoint − BM25 = +0.100")
    assert len(found) == 2
    assert len(own_verdict(results(cell("checkpoint", 0.8)))) == 1


def test_what_was_cut_is_said():
    found = own_verdict(results(cell("checkpoint", 0.8), cut=7, cut_queries=2))
    assert found[1:] == (
        "Your data: 7 of 100 documents are longer than the checkpoint takes; it read their beginning",
        "Your data: 2 of 9 queries are longer than the models take; all systems got their beginning",
    )


def test_ranges_in_words():
    assert range_words(LengthRange(0, 128, 5)) == "documents of 1 to 128 tokens"
