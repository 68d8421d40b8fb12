"""Measure how much of a table sinusoids explain, compared with random rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.tables.measures.sinusoids import explained_share, similarity_to_sinusoid, sinusoidal_basis

MOST_FUNCTIONS = 128  # sinusoids in a basis
ROWS_PER_FUNCTION = 8  # with as many functions as rows a basis would explain anything


@dataclass(frozen=True, slots=True)
class SinusoidFit:
    """How close a table is to sinusoids.

    Attributes:
        functions: how many sinusoids the basis has.
        explained_share: share of the table's variance that they explain.
        explained_share_random: what they explain of random rows.
        correlation: of the table's cosines with those of the sinusoidal encoding, over all pairs.
    """

    functions: int
    explained_share: float | None
    explained_share_random: float
    correlation: float | None


def sinusoid_fit(table: NDArray[Any]) -> SinusoidFit:
    """Return how close a table of at least 2 rows is to sinusoids, on a basis of one function per 8 rows, at most 128.

    Example:
        >>> sinusoid_fit(np.random.default_rng(0).standard_normal((64, 8))).functions
        8
    """
    rows = len(table)
    functions = min(max(2, rows // (2 * ROWS_PER_FUNCTION) * 2), MOST_FUNCTIONS)  # an even number
    basis = sinusoidal_basis(rows, functions)
    share = explained_share(table, basis)
    return SinusoidFit(
        functions,
        share if np.isfinite(share) else None,
        basis.shape[1] / (rows - 1),  # what a subspace of this rank takes of random rows, on average
        similarity_to_sinusoid(table),
    )
