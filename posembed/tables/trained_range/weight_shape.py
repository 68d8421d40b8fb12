"""What the weights of a model make of a table's rows: their leading directions, and how much a row excites them.

Training changes the rows that it reaches and the weights that read them together. A row that it never reached is still
a random draw that no weight has seen, so it lies along every direction alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posembed.tables.rows import Floats
from posembed.tables.trained_range.thresholds import (
    LEAST_MATRIX_ROWS,
    LEAST_SHAPE,
    LEAST_VARIANCE,
    MOST_PULL,
    MOST_SHAPES,
    PLAIN_DIRECTIONS,
    SHAPE_FLOOR,
)


@dataclass(frozen=True)
class WeightShape:
    """The second moments of weight matrices, in two forms.

    Attributes:
        directions: orthonormal columns ``[d_model, d_model]``, those that training made strongest in the weights first.
        shapes: symmetric forms ``[shapes, d_model, d_model]``: each is a standard normal number for a random row of
            independent numbers, whatever it is along the first directions.
    """

    directions: Floats
    shapes: Floats

    def excitations(self, rows: Floats) -> Floats:
        """Return how much each row excites the weights, ``[rows, shapes]``, its norm left aside.

        Args:
            rows: ``[rows, d_model]``.
        """
        first = self.directions[:, :PLAIN_DIRECTIONS]
        rest = rows - rows @ first @ first.T
        free = rows.shape[1] - PLAIN_DIRECTIONS
        size = np.sqrt(np.maximum((rest**2).sum(axis=1, keepdims=True) / free, LEAST_VARIANCE))
        rest = rest / size
        return np.stack([((rest @ shape) * rest).sum(axis=1) for shape in self.shapes], axis=1)


def weight_shape(weights: Sequence[NDArray[np.floating]], width: int) -> WeightShape | None:
    """Return the shape of weight matrices, or ``None`` if none of them reads or writes vectors of that width.

    Args:
        weights: matrices of the model, the table and other position tables left out.
        width: ``d_model`` of the table; above 8, for there must be more than the leading directions.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> matrix = rng.normal(size=(64, 16)) + 3 * rng.normal(size=(64, 1)) * np.eye(16)[5]
        >>> int(abs(weight_shape([matrix], 16).directions[:, 0]).argmax())
        5
    """
    sides = [side for matrix in weights for side in _sides(matrix, width)]
    if not sides or width <= 2 * PLAIN_DIRECTIONS:
        return None
    pull = np.zeros((width, width))
    forms = []
    for side in sides:
        moments = side.T @ side
        values, vectors = np.linalg.eigh(moments * (width / np.trace(moments)))
        middle = max(float(np.median(values)), LEAST_SHAPE)
        pull += (vectors * np.clip(values / middle - 1, 0, MOST_PULL)) @ vectors.T
        # The logarithm, so that a few strong directions do not drown the many weak ones.
        forms.append((vectors * np.log(np.maximum(values, 0) + SHAPE_FLOOR)) @ vectors.T)
    directions = np.linalg.eigh(pull)[1][:, ::-1]
    return WeightShape(directions, _independent(forms, directions))


def _sides(matrix: NDArray[np.floating], width: int) -> list[Floats]:
    """Return a matrix as vectors of the table's width: rows, columns, or both where it is square."""
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        return []
    plain = matrix.astype(np.float64)
    found = [side for side in (plain, plain.T) if side.shape[1] == width and len(side) >= LEAST_MATRIX_ROWS]
    return [side for side in found if side.any()]


def _independent(forms: list[Floats], directions: Floats) -> Floats:
    """Combine forms to ones that are uncorrelated for random rows, those common to most matrices first."""
    width = len(directions)
    rest = directions[:, PLAIN_DIRECTIONS:]
    project = rest @ rest.T
    free = width - PLAIN_DIRECTIONS
    plain = []
    for form in forms:
        inside = project @ form @ project
        plain.append(inside - np.trace(inside) / free * project)
    stacked = np.stack(plain)
    flat = stacked.reshape(len(plain), -1)
    values, mixtures = np.linalg.eigh(2 * flat @ flat.T)
    order = np.argsort(values)[::-1][:MOST_SHAPES]
    order = order[values[order] > LEAST_SHAPE * max(values[order[0]], LEAST_VARIANCE)]
    # Rows of one norm: the variance of a form of independent normal numbers falls by free / (free + 2).
    scale = np.sqrt(values[order] * free / (free + 2))
    result: Floats = np.tensordot(mixtures[:, order] / scale, stacked, axes=(0, 0))
    return result
