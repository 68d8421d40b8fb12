"""The kinds of model that can be evaluated, searched for and calibrated, and which of them a checkpoint is."""

from __future__ import annotations

import os
from typing import Any

from posembed.errors import InvalidArgumentError
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.models.masked import MASKED
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.models.multi_vector import MULTI_VECTOR
from posembed.quality.models.purpose import kind_name
from posembed.quality.models.reranker import RERANKER
from posembed.quality.models.sparse import SPARSE

KINDS: tuple[ModelKind[Any], ...] = (EMBEDDING, CAUSAL, MASKED, RERANKER, SPARSE, MULTI_VECTOR)
_BY_NAME = {kind.name: kind for kind in KINDS}


def kind_of(path: str | os.PathLike[str]) -> ModelKind[Any]:
    """Return the kind of model that a checkpoint is.

    Raises:
        InvalidArgumentError: if it is of no kind, naming what it is, or not the directory of a model.
        CheckpointError: for a configuration that cannot be read.
    """
    return _BY_NAME[kind_name(path)]


def trainable_kind_of(path: str | os.PathLike[str]) -> ModelKind[Any]:
    """Return the kind of model that a checkpoint is, where a table can be searched for or calibrated for it.

    Raises:
        InvalidArgumentError: if it is of no kind, or of one that is only evaluated, naming what it is.
        CheckpointError: for a configuration that cannot be read.
    """
    kind = kind_of(path)
    if kind.only_evaluated:
        raise InvalidArgumentError(
            f"{os.fspath(path)} is {kind.description}: it can be evaluated, but nothing here trains or chooses a table "
            "for it. Its position table can be extended without `data`"
        )
    return kind
