"""How each kind of model is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posembed.quality.evaluate.embeddings import EmbeddingEvaluator
from posembed.quality.evaluate.evaluator import Evaluator
from posembed.quality.evaluate.language import LanguageEvaluator
from posembed.quality.evaluate.multi_vector import MultiVectorEvaluator
from posembed.quality.evaluate.reranking import RerankerEvaluator
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED
from posembed.records.choices import KindName

EVALUATORS: Mapping[KindName, Evaluator[Any, Any]] = {
    "embedding": EmbeddingEvaluator(),
    "causal": LanguageEvaluator(CAUSAL),
    "masked": LanguageEvaluator(MASKED),
    "reranker": RerankerEvaluator(),
    "sparse": EmbeddingEvaluator(),
    "multi-vector": MultiVectorEvaluator(),
}
