"""How each kind of model is measured in a search."""

from __future__ import annotations

from collections.abc import Mapping

from posembed.quality.search.embedding_trial import EmbeddingTrial
from posembed.quality.search.language_trial import LanguageTrial
from posembed.quality.search.trial import Trial
from posembed.records.choices import KindName

TRIALS: Mapping[KindName, type[Trial]] = {
    "embedding": EmbeddingTrial,
    "causal": LanguageTrial,
    "masked": LanguageTrial,
}
