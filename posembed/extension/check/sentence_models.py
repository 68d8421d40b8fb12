"""Embed texts with sentence-transformers, as users of such a folder do: its tokenizer, its limits, its modules."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posembed.checkpoint.own_code import foreign_classes
from posembed.extension.check.reading import DoesNotRunError

SHORT = "a short text"
SHORT_TOKENS = 16
"""More than any tokenizer makes of it, special tokens included."""


def reads(folder: Path) -> bool:
    """Return whether a folder is one of sentence-transformers, that is installed, and none of its modules is foreign.

    Before version 6 it imported classes that a local folder names, whatever ``trust_remote_code`` said.
    """
    has_modules = (folder / "modules.json").is_file() and not foreign_classes(folder)
    return has_modules and importlib.util.find_spec("sentence_transformers") is not None


def embedded(folder: Path, length: int) -> Tensor:
    """Return the vector of a short text; embed a batch of it and of one longer than ``length`` tokens as well.

    The folder's own limit cuts the long text, and its own padding makes both alike in a batch.
    """
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(str(folder), device="cpu", trust_remote_code=False, local_files_only=True)
    with torch.no_grad():
        vectors: Tensor = model.encode([SHORT, "word " * length], convert_to_tensor=True, show_progress_bar=False)
        alone: Tensor = model.encode([SHORT], convert_to_tensor=True, show_progress_bar=False)[0]
    if not bool(torch.isfinite(vectors).all()):
        raise DoesNotRunError("sentence-transformers gives vectors that are not finite")
    return alone
