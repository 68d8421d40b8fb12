"""Means with their 95 % confidence intervals, and the qualities that follow from a mean loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from posembed.records.base import Record

_LARGEST_EXPONENT = 700.0
"""``exp`` of a little more than this is above the largest float64 (1.8e308)."""


@dataclass(frozen=True)
class Interval(Record):
    """A mean and its 95 % confidence interval, as :func:`posembed.statistics.mean_interval` computes them.

    Attributes:
        mean: ``None`` without documents.
        low: lower bound, ``None`` below two documents.
        high: upper bound, ``None`` below two documents.
        documents: number of documents it is over.
        seeds: number of seeds it is over.
    """

    mean: float | None
    low: float | None
    high: float | None
    documents: int
    seeds: int

    @property
    def half_width(self) -> float | None:
        """Half the distance between the bounds, ``None`` where there are none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


@dataclass(frozen=True)
class DocumentInterval(Record):
    """A mean over documents, or over queries, and its 95 % bootstrap interval.

    Attributes:
        mean: the mean.
        low: lower bound.
        high: upper bound.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Quality(Interval):
    """A mean loss in nats per token with its interval, and the same as perplexity and bits.

    Attributes:
        perplexity: ``exp`` of the mean, ``None`` where no float holds it.
        perplexity_low: ``exp`` of the lower bound.
        perplexity_high: ``exp`` of the upper bound.
        bits_per_token: ``mean / ln 2``.
    """

    perplexity: float | None
    perplexity_low: float | None
    perplexity_high: float | None
    bits_per_token: float | None

    @classmethod
    def of(cls, interval: Mapping[str, Any]) -> Self:
        """Return the quality of a mean loss in nats per token.

        Args:
            interval: what :func:`posembed.statistics.mean_interval` returns.

        Example:
            >>> quality = Quality.of({"mean": 0.0, "low": None, "high": None, "documents": 1, "seeds": 1})
            >>> quality.perplexity, quality.bits_per_token
            (1.0, 0.0)
        """
        loss = Interval(**interval)
        return cls(
            **interval,
            perplexity=_exp(loss.mean),
            perplexity_low=_exp(loss.low),
            perplexity_high=_exp(loss.high),
            bits_per_token=None if loss.mean is None else loss.mean / math.log(2),
        )


def _exp(value: float | None) -> float | None:
    return None if value is None or value > _LARGEST_EXPONENT else math.exp(value)
