"""How a method is chosen for each kind of model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from posembed.observer import Observer
from posembed.quality.search.embedding.choose import choose_for_embeddings
from posembed.quality.search.language.choose import choose_for_language
from posembed.quality.search.request import SearchRequest
from posembed.records.choices import KindName
from posembed.records.search import MethodChoice
from posembed.tables.method import Method

Choose = Callable[[SearchRequest, Sequence[Method], Observer], MethodChoice]
"""Takes what is asked for, the methods to search, and an observer."""

SEARCHES: Mapping[KindName, Choose] = {
    "embedding": choose_for_embeddings,
    "causal": choose_for_language,
    "masked": choose_for_language,
}
