"""What a model of each kind reads of short texts, and what is measured of its answers."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from posembed.quality.behavior.reader import Pooled, Predicted, Task
from posembed.quality.behavior.short_texts import ShortTexts, hidden_places
from posembed.quality.models.head import Pooling
from posembed.records.choices import KindName

TextTask = Callable[[ShortTexts, int, Pooling, int], tuple[Tensor, Task]]
"""Takes texts, tokens of each, a pooling and a seed; returns token ids ``[texts, tokens]`` and the task."""


def text_task(kind: KindName | None) -> TextTask:
    """Return how a kind of model is asked; one that is no language model by its vectors."""
    return _TASKS.get(kind, _pooled)


def _pooled(texts: ShortTexts, tokens: int, pooling: Pooling, _: int, /) -> tuple[Tensor, Task]:
    return texts.inputs(tokens), Pooled(pooling)


def _next_tokens(texts: ShortTexts, tokens: int, _: Pooling, __: int, /) -> tuple[Tensor, Task]:
    ids = texts.inputs(tokens)
    return ids, Predicted(ids, None)


def _hidden_tokens(texts: ShortTexts, tokens: int, pooling: Pooling, seed: int, /) -> tuple[Tensor, Task]:
    if texts.mask_id is None:  # no tokenizer says how to hide a token
        return _pooled(texts, tokens, pooling, seed)
    ids = texts.inputs(tokens)
    hidden = hidden_places((len(ids), tokens), seed)
    return ids.masked_fill(hidden, texts.mask_id), Predicted(ids, hidden)


_TASKS: dict[KindName | None, TextTask] = {"causal": _next_tokens, "masked": _hidden_tokens}
