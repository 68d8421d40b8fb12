"""Lengths of the training inputs of embedding models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posembed.records.calibrate import CalibrationConfig

# Documents are halved down to this many tokens: shorter ones a model of 512 positions mostly reads already.
_SHORTEST = 512


def document_lengths(config: CalibrationConfig) -> list[int]:
    """Return the lengths of a configuration's training documents, which all read trained rows."""
    return halved_lengths(config.document, above=max(config.keep, config.above))


def halved_lengths(longest: int, *, above: int) -> list[int]:
    """Return ``longest``, halved again and again down to 512 tokens, as far as it stays above ``above``.

    Example:
        >>> halved_lengths(2048, above=128)
        [2048, 1024, 512]
    """
    lengths = [longest]
    while lengths[-1] >= 2 * _SHORTEST and lengths[-1] // 2 > above:
        lengths.append(lengths[-1] // 2)
    return lengths


def draw_length(lengths: Sequence[int], rng: np.random.Generator) -> int:
    """Return one of the lengths, by the chances of :func:`even_tokens`."""
    return int(rng.choice(lengths, p=even_tokens(lengths)))


def even_tokens(lengths: Sequence[int]) -> NDArray[np.float64]:
    """Return chances that give every length as many tokens in the long run.

    Short documents are cheap, and what they teach holds for long ones.
    """
    inverse = 1 / np.asarray(lengths, dtype=np.float64)
    return np.asarray(inverse / inverse.sum())
