"""Cut held-out documents to windows of one length."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posembed.errors import DataError
from posembed.quality.models.language import Ids
from posembed.quality.rng import generator
from posembed.quality.texts import joined

# An interval and a test need two documents.
LEAST_DOCUMENTS = 2


def cut_documents(
    texts: Sequence[Sequence[int]], length: int, documents: int, split: str, seed: int, *, one_file: bool = False
) -> Ids:
    """Return one window of ``length`` tokens of each document that is long enough, ``[documents, length]``.

    Args:
        texts: documents in tokens.
        length: tokens per window.
        documents: maximum number of windows.
        split: name of the set that the documents are from; another one gives other windows.
        seed: random seed.
        one_file: whether the documents are pieces of one text, of which those too short are joined.

    Raises:
        DataError: if fewer than two documents are long enough.
    """
    rng = generator("language", split, length, seed)
    texts = joined(texts, length) if one_file else texts
    long_enough = [text for text in texts if len(text) >= length]
    if len(long_enough) < LEAST_DOCUMENTS:
        possible = (sorted(map(len, texts), reverse=True)[LEAST_DOCUMENTS - 1 : LEAST_DOCUMENTS] or [0])[0]
        raise DataError(
            f"{len(long_enough)} of {len(texts)} {split} documents have {length} tokens, at least {LEAST_DOCUMENTS} "
            f"are needed: give longer texts in `data`, or `lengths` of at most {possible}"
        )
    order = rng.permutation(len(long_enough))[:documents]
    rows = []
    for number in order.tolist():
        text = long_enough[number]
        begin = int(rng.integers(len(text) - length + 1))
        rows.append(text[begin : begin + length])
    return np.asarray(rows, dtype=np.int64)
