"""The kinds of model that can be evaluated, searched for and calibrated, and which of them a checkpoint is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from posembed.errors import InvalidArgumentError
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.models.loading import read_json
from posembed.quality.models.masked import MASKED
from posembed.quality.models.model_kind import ModelKind

# In the order in which they are tried: a sentence-embedding model's config.json may well name a masked model.
KINDS: tuple[ModelKind[Any], ...] = (EMBEDDING, CAUSAL, MASKED)


def kind_of(path: str | os.PathLike[str]) -> ModelKind[Any]:
    """Return the kind of model that a checkpoint is.

    Raises:
        InvalidArgumentError: if it is of no kind, or not a directory with a ``config.json``.
    """
    folder = Path(path)
    if not (folder / "config.json").is_file():
        raise InvalidArgumentError(f"{folder} has no config.json: name the directory of a Transformers model")
    listed = read_json(folder / "config.json").get("architectures") or []
    architectures = [str(name) for name in listed]
    for kind in KINDS:
        if kind.recognizes(folder, architectures):
            return kind
    what = f"holds {', '.join(architectures)}" if architectures else "lists no architectures in its config.json"
    raise InvalidArgumentError(
        f"{folder} {what}; supported are sentence-embedding models (with modules.json), causal and masked language "
        "models"
    )
