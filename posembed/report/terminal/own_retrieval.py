"""Results on a user's own data as tables of words."""

from __future__ import annotations

from posembed.records.interval import DocumentInterval
from posembed.records.retrieval import DataCell, DataComparison, LengthRange, OwnRetrieval
from posembed.report.numbers import interval, number
from posembed.report.text_table import TextTable

MEASURES = ("nDCG@10", "recall@10", "recall@100", "MRR@10")


def own_tables(results: OwnRetrieval | None) -> list[TextTable]:
    """Return the measures of all queries, nDCG@10 by the length of the relevant document, and the comparisons.

    Args:
        results: ``None`` where no data of one's own were given, which gives no table.
    """
    if results is None:
        return []
    overall = [cell for cell in results.cells if cell.lengths is None]
    title = f"Your data: {results.queries} queries, each over {results.documents} documents"
    rows = [
        (cell.system, *map(_interval, _measures(cell)), _stored(cell), number(cell.query_ms, 2)) for cell in overall
    ]
    tables = [TextTable(title, ("", *MEASURES, "vectors per document", "ms per query"), rows)]
    ranges = list(dict.fromkeys(cell.lengths for cell in results.cells if cell.lengths is not None))
    if ranges:
        by_system = {(cell.system, cell.lengths): cell for cell in results.cells}
        rows = [
            (cell.system, *(_interval(by_system[cell.system, each].ndcg_at_10) for each in ranges)) for cell in overall
        ]
        header = ("", *(f"{_tokens(each)} ({each.queries} queries)" for each in ranges))
        tables.append(TextTable("Your data: nDCG@10 by the length of the relevant document in tokens", header, rows))
    if results.comparisons:
        rows = [
            (
                each.second,
                "all" if each.lengths is None else _tokens(each.lengths),
                _difference(each),
                f"{each.p_holm:.2g}",
            )
            for each in results.comparisons
        ]
        header = ("checkpoint compared with", "tokens", "difference in nDCG@10", "corrected p")
        tables.append(TextTable("Your data: checkpoint − baseline, paired by query (Wilcoxon's test)", header, rows))
    return tables


def _measures(cell: DataCell) -> tuple[DocumentInterval, ...]:
    return cell.ndcg_at_10, cell.recall_at_10, cell.recall_at_100, cell.mrr_at_10


def _interval(values: DocumentInterval) -> str:
    return interval(values.mean, values.low, values.high, 3)


def _difference(values: DataComparison) -> str:
    return interval(values.mean, values.low, values.high, 3)


def _stored(cell: DataCell) -> str:
    return "none" if cell.vectors_per_document is None else f"{round(cell.vectors_per_document, 1):g}"


def _tokens(lengths: LengthRange) -> str:
    return f"over {lengths.above}" if lengths.most is None else f"{lengths.above + 1} to {lengths.most}"
