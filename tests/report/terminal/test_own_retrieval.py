"""Tables of results on own data."""

from posembed.records.interval import DocumentInterval
from posembed.records.retrieval import DataCell, DataComparison, LengthRange, OwnRetrieval
from posembed.report.terminal.own_retrieval import own_tables

SOME, LONG = LengthRange(512, 1024, 7), LengthRange(4096, None, 5)


def cell(system, mean, lengths=None, vectors=1.0):
    values = [DocumentInterval(mean + k / 100, mean - 0.1, mean + 0.1) for k in range(4)]
    return DataCell(lengths, system, 9, *values, vectors, 1.234)


def test_all_queries_and_ranges():
    cells = (cell("checkpoint", 0.5), cell("BM25", 0.6, vectors=None))
    ranges = tuple(cell(system, 0.2, each) for each in (SOME, LONG) for system in ("checkpoint", "BM25"))
    compared = (
        DataComparison(None, "checkpoint", "BM25", -0.1, -0.2, 0.0, 0.04, 0.08),
        DataComparison(LONG, "checkpoint", "BM25", 0.1, 0.0, 0.2, 0.5, 0.5),
    )
    overall, by_length, differences = own_tables(OwnRetrieval(100, 9, 1, 5000, 3, 0, cells + ranges, compared))
    assert overall.title == "Your data: 9 queries, each over 100 documents"
    first = ("0.500 (0.400 to 0.600)", "0.510 (0.400 to 0.600)", "0.520 (0.400 to 0.600)", "0.530 (0.400 to 0.600)")
    assert overall.rows[0] == ("checkpoint", *first, "1", "1.23")
    assert overall.rows[1][5] == "none"
    assert by_length.header == ("", "513 to 1024 (7 queries)", "over 4096 (5 queries)")
    assert by_length.rows[1] == ("BM25", *["0.200 (0.100 to 0.300)"] * 2)
    assert differences.rows == [
        ("BM25", "all", "−0.100 (−0.200 to 0.000)", "0.08"),
        ("BM25", "over 4096", "0.100 (0.000 to 0.200)", "0.5"),
    ]


def test_nothing_and_little():
    assert own_tables(None) == []
    assert len(own_tables(OwnRetrieval(100, 9, 1, 5000, 3, 0, (cell("checkpoint", 0.5),), ()))) == 1
