"""Measures of a ranking: nDCG@10, recall and reciprocal rank, by the library that wraps NIST's trec_eval.

Of the libraries that are kept, this one is the smallest that gives all of them for each query: ranx compiles with
numba, ir-measures calls this one, and scikit-learn has nDCG alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from posembed.errors import require_package

Values = NDArray[np.float64]
# Ranks that the measures read.
FIRST, DEEP = 10, 100
NDCG, RECALL, DEEP_RECALL, MRR = "ndcg_at_10", "recall_at_10", "recall_at_100", "mrr_at_10"


def require_library() -> None:
    """Refuse to begin without the library.

    Raises:
        MissingExtraError: if `pytrec_eval` is not installed.
    """
    require_package("pytrec_eval", "quality", "`corpus`", package="pytrec-eval-terrier")


def measure(scores: NDArray[np.float32], relevant: Sequence[Mapping[int, int]]) -> dict[str, Values]:
    """Return each measure of each query, ``[queries]``.

    Documents of equal score are ranked as they come; a relevant one is not put first.

    Args:
        scores: of every document for every query, ``[queries, documents]``; higher is better.
        relevant: for each query, the judged documents by number, with their scores.

    Raises:
        MissingExtraError: if `pytrec_eval` is not installed.

    Example:
        >>> found = measure(np.array([[0.1, 0.9, 0.5]], dtype=np.float32), [{2: 1}])
        >>> {name: round(float(values[0]), 3) for name, values in found.items()}
        {'ndcg_at_10': 0.631, 'recall_at_10': 1.0, 'recall_at_100': 1.0, 'mrr_at_10': 0.5}
    """
    require_library()
    import pytrec_eval

    judged = {
        str(query): {str(document): score for document, score in documents.items()}
        for query, documents in enumerate(relevant)
    }
    ranked = [np.argsort(-row, kind="stable")[:DEEP].tolist() for row in scores]
    # The library breaks ties by the name of a document; places as scores leave none.
    deep = {str(query): {str(doc): -float(place) for place, doc in enumerate(row)} for query, row in enumerate(ranked)}
    first = {query: dict(list(row.items())[:FIRST]) for query, row in deep.items()}
    names = {f"ndcg_cut.{FIRST}", f"recall.{FIRST},{DEEP}"}
    by_query = pytrec_eval.RelevanceEvaluator(judged, names).evaluate(deep)
    ranks = pytrec_eval.RelevanceEvaluator(judged, {"recip_rank"}).evaluate(first)
    rows = [by_query[str(query)] | ranks[str(query)] for query in range(len(relevant))]
    keys = {NDCG: f"ndcg_cut_{FIRST}", RECALL: f"recall_{FIRST}", DEEP_RECALL: f"recall_{DEEP}", MRR: "recip_rank"}
    return {name: np.array([row[key] for row in rows], dtype=np.float64) for name, key in keys.items()}
