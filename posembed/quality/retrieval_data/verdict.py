"""The results on a user's own data in plain sentences."""

from __future__ import annotations

from posembed.quality.evaluate.words import significance
from posembed.records.retrieval import DataComparison, LengthRange, OwnRetrieval


def own_verdict(results: OwnRetrieval) -> tuple[str, ...]:
    """Return which system is best on all queries, and how the checkpoint compares with it, in all and by length."""
    overall = [cell for cell in results.cells if cell.lengths is None]
    best = max(overall, key=lambda cell: cell.ndcg_at_10.mean)
    sentences = [
        f"Your data ({results.queries} queries, {results.documents} documents): {best.system} is best, with nDCG@10 "
        f"{best.ndcg_at_10.mean:.3f} ({best.ndcg_at_10.low:.3f} to {best.ndcg_at_10.high:.3f})"
    ]
    own = next((cell for cell in overall if cell.system == "checkpoint"), None)
    if own is not None and own is not best:
        sentences += [_compared(each) for each in results.comparisons if each.second == best.system]
    elif own is not None:
        closest = max(
            (cell for cell in overall if cell is not own), key=lambda cell: cell.ndcg_at_10.mean, default=None
        )
        sentences += [_compared(each) for each in results.comparisons if closest and each.second == closest.system]
    if results.cut:
        sentences.append(
            f"Your data: {results.cut} of {results.documents} documents are longer than the checkpoint takes; it read "
            "their beginning"
        )
    if results.cut_queries:
        sentences.append(
            f"Your data: {results.cut_queries} of {results.queries} queries are longer than the models take; all "
            "systems got their beginning"
        )
    return tuple(sentences)


def _compared(each: DataComparison) -> str:
    return (
        f"Your data, {range_words(each.lengths)}: {each.first} − {each.second} = {each.mean:+.3f} ({each.low:+.3f} to "
        f"{each.high:+.3f}) in nDCG@10, corrected p {each.p_holm:.2g}: {significance(each.mean, each.p_holm)}"
    )


def range_words(lengths: LengthRange | None) -> str:
    """Return a range of lengths in words.

    Example:
        >>> range_words(None), range_words(LengthRange(512, 1024, 9)), range_words(LengthRange(4096, None, 5))
        ('all queries', 'documents of 513 to 1024 tokens', 'documents of more than 4096 tokens')
    """
    if lengths is None:
        return "all queries"
    if lengths.most is None:
        return f"documents of more than {lengths.above} tokens"
    return f"documents of {lengths.above + 1} to {lengths.most} tokens"
