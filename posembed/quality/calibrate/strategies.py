"""The calibration strategy of each kind of model."""

from __future__ import annotations

from typing import Any

from posembed.quality.calibrate.embedding import EmbeddingStrategy
from posembed.quality.calibrate.language import CausalStrategy, MaskedStrategy
from posembed.quality.calibrate.strategy import Strategy
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.models.masked import MASKED
from posembed.quality.models.model_kind import ModelKind

STRATEGIES: tuple[Strategy[Any], ...] = (EmbeddingStrategy(EMBEDDING), CausalStrategy(CAUSAL), MaskedStrategy(MASKED))


def strategy_for(kind: ModelKind[Any]) -> Strategy[Any]:
    """Return how a kind of model is calibrated.

    Example:
        >>> strategy_for(EMBEDDING).defaults.steps
        1000
    """
    return next(strategy for strategy in STRATEGIES if strategy.kind is kind)
