"""Vectors of many texts, a row each: an array, or a sparse one where most weights are 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

# An array, or a scipy.sparse.csr_array: with the same dimensions, and a type of its own for each in the stubs.
Rows: TypeAlias = Any
Floats = TypeVar("Floats", np.float32, np.float64)


def _is_sparse(rows: Rows) -> bool:
    return bool(sparse.issparse(rows))


def join_rows(parts: Sequence[Rows]) -> Rows:
    """Return the rows of several parts as one.

    Args:
        parts: ``[rows, d]`` each, all arrays or all sparse.

    Example:
        >>> join_rows([np.ones((1, 2)), np.zeros((2, 2))]).shape
        (3, 2)
    """
    return sparse.vstack(parts, format="csr") if _is_sparse(parts[0]) else np.concatenate(parts)


def split_rows(rows: Rows, counts: Sequence[int] | NDArray[np.int64]) -> list[Rows]:
    """Return the rows of each part, given how many each has.

    Example:
        >>> [part.shape for part in split_rows(np.ones((3, 2)), [1, 2])]
        [(1, 2), (2, 2)]
    """
    ends = np.cumsum(counts)
    return [rows[end - count : end] for end, count in zip(ends, counts, strict=True)]


def mean_rows(rows: Rows, counts: Sequence[int] | NDArray[np.int64]) -> Rows:
    """Return the mean row of each part, ``[parts, d]``, given how many rows each has.

    Example:
        >>> mean_rows(np.array([[1.0], [2.0], [4.0]]), [1, 2]).tolist()
        [[1.0], [3.0]]
    """
    if not _is_sparse(rows):
        return np.stack([part.mean(axis=0) for part in split_rows(rows, counts)])
    ends = np.concatenate([[0], np.cumsum(counts)])
    shares = np.repeat(1 / np.asarray(counts, dtype=np.float32), counts).astype(np.float32)
    average: Rows = sparse.csr_array((shares, np.arange(len(shares)), ends), shape=(len(counts), len(shares)))
    return average @ rows


def unit(vectors: NDArray[Floats]) -> NDArray[Floats]:
    """Return vectors of length 1, an array or sparse as they are; a vector of zeros stays one.

    Example:
        >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    if _is_sparse(vectors):
        rows: Rows = vectors
        norms = np.sqrt(rows.multiply(rows).sum(axis=1))
        shares = np.asarray(1 / np.where(norms > 0, norms, 1), dtype=rows.dtype)
        return (sparse.diags_array(shares) @ rows).tocsr()  # type: ignore[no-any-return]
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1), dtype=vectors.dtype)


def dot_products(rows: Rows, others: Rows) -> NDArray[np.float32]:
    """Return the dot product of each row with each of the others, ``[rows, others]``.

    Example:
        >>> dot_products(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [0.0, 1.0]])).tolist()
        [[11.0, 2.0]]
    """
    products = rows @ others.T
    return np.asarray(products.toarray() if _is_sparse(products) else products)


def dense_rows(rows: Rows) -> NDArray[np.float32]:
    """Return rows as an array.

    Example:
        >>> dense_rows(sparse.csr_array([[0.0, 1.0]])).tolist()
        [[0.0, 1.0]]
    """
    return np.asarray(rows.toarray() if _is_sparse(rows) else rows)
