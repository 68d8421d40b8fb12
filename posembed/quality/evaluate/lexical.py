"""Rank documents by the words that they share with a query: BM25, and averages of input word vectors."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from posembed.errors import MissingExtraError, require_package
from posembed.quality.models.rows import unit

Scores = NDArray[np.float32]
Ids = Sequence[Sequence[int]]
# Scripts that are written without spaces between words: their runs are indexed by overlapping pairs of characters, as
# in Lucene's CJKAnalyzer; a whole sentence would be one word otherwise.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
)
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")


def words(text: str) -> list[str]:
    """Return a text's words in lower case: runs of letters, marks and digits; pairs of characters in unspaced scripts.

    Example:
        >>> words("Don't panic: row_7!")
        ['don', 't', 'panic', 'row', '7']
        >>> words("東京タワー 2")
        ['東京', '京タ', 'タワ', 'ワー', '2']
    """
    found: list[str] = []
    for word in _pattern().findall(text.lower()):
        for run in _RUN.findall(word):
            if len(run) > 1 and _RUN.fullmatch(run) and re.match(f"[{_UNSPACED}]", run):
                found += [run[at : at + 2] for at in range(len(run) - 1)]
            else:
                found.append(run)
    return found


@cache
def _pattern() -> re.Pattern[str]:
    """Return the pattern of a word; letters alone would break Hindi and Arabic words at their vowel signs."""
    marks = "".join(
        re.escape(chr(code)) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("M")
    )
    return re.compile(rf"(?:[^\W_]|[{marks}])+")


def require_bm25() -> None:
    """Refuse to go on without the library that computes BM25.

    Raises:
        MissingExtraError: if `bm25s` is not installed.
    """
    require_package("bm25s", "quality", "the baseline BM25")


def missing_bm25() -> str | None:
    """Return a sentence if BM25 cannot be measured, else ``None``."""
    try:
        require_bm25()
    except MissingExtraError as error:
        return str(error)
    return None


class Bm25Index:
    """BM25 over some documents, with the usual constants (k1 = 1.5, b = 0.75) and Lucene's formula.

    Args:
        documents: words of each document.

    Raises:
        MissingExtraError: if `bm25s` is not installed.

    Source:
        Robertson & Zaragoza 2009, The Probabilistic Relevance Framework: BM25 and Beyond; Lù 2024, arXiv:2407.03618.
    """

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        require_bm25()
        import bm25s

        self.documents = len(documents)
        self.known = {word for document in documents for word in document}
        self.index = bm25s.BM25()
        if self.known:
            self.index.index([list(document) for document in documents], show_progress=False)

    def scores(self, queries: Sequence[Sequence[str]]) -> Scores:
        """Return the score of every document for every query, ``[queries, documents]``; 0 where no word is shared.

        Args:
            queries: words of each query.
        """
        scores = np.zeros((len(queries), self.documents), dtype=np.float32)
        for row, query in zip(scores, queries, strict=True):
            shared = [word for word in query if word in self.known]
            if shared:
                row[:] = self.index.get_scores(shared)
        return scores


class WordVectorIndex:
    """Averages of input word vectors, weighted by inverse document frequency; no Transformer runs.

    A text is the sum of its tokens' rows, each times log((1 + N) / (1 + n)), where n of the N documents have the token.
    A text without any weight has the vector 0.

    Args:
        documents: token ids of each document.
        table: the model's input word vectors, ``[vocabulary, d]``.

    Source:
        Arora et al. 2017, A Simple but Tough-to-Beat Baseline for Sentence Embeddings (weighted averages).
    """

    def __init__(self, documents: Ids, table: NDArray[np.float32]) -> None:
        frequency = np.zeros(len(table), dtype=np.int64)
        for document in documents:
            frequency[np.unique(np.asarray(document, dtype=np.int64))] += 1
        self.weights = np.log((1 + len(documents)) / (1 + frequency))
        self.table = table
        self.vectors = self._embed(documents)

    def scores(self, queries: Ids) -> Scores:
        """Return the cosine of every document with every query, ``[queries, documents]``.

        Args:
            queries: token ids of each query.
        """
        return np.asarray(self._embed(queries) @ self.vectors.T, dtype=np.float32)

    def _embed(self, texts: Ids) -> NDArray[np.float64]:
        return unit(np.stack([_weighted(text, self.weights, self.table) for text in texts]))


def _weighted(text: Sequence[int], weights: NDArray[np.float64], table: NDArray[np.float32]) -> NDArray[np.float64]:
    tokens, counts = np.unique(np.asarray(text, dtype=np.int64), return_counts=True)
    vector: NDArray[np.float64] = (counts * weights[tokens]) @ table[tokens].astype(np.float64)
    return vector
