"""Run a folder with sentence-transformers, as its users do: its class, its tokenizer, its limits, its modules."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from posembed.checkpoint.json_object import read_json_value
from posembed.checkpoint.own_code import foreign_classes
from posembed.errors import CheckpointError
from posembed.extension.check.reading import DoesNotRunError
from posembed.extension.library_code import load_sentence_model

SHORT = "a short text"
SHORT_TOKENS = 16
"""More than any tokenizer makes of it, special tokens included."""


@dataclass(frozen=True)
class Use:
    """What a class of sentence-transformers does with texts.

    Attributes:
        does: with a batch of a short and a long input, such as ``"embeds a short and a long text"``.
        does_not: the same, where it fails.
        short: what the short input gives, as the beginning of a sentence.
        tokens: more than the short input has.
        run: returns a model's results for some texts, one a row.
    """

    does: str
    does_not: str
    short: str
    tokens: int
    run: Callable[[Any, list[str]], Tensor]


def _vectors(model: Any, texts: list[str]) -> Tensor:
    vectors: Tensor = model.encode(texts, convert_to_tensor=True, show_progress_bar=False)
    return vectors.to_dense()  # a SparseEncoder's


def _scores(model: Any, texts: list[str]) -> Tensor:
    scores: Tensor = model.predict([(text, text) for text in texts], convert_to_tensor=True, show_progress_bar=False)
    return scores


_EMBEDS = Use(
    "embeds a short and a long text",
    "embeds no batch of a short and a long text",
    "a short text embedded by sentence-transformers gives",
    SHORT_TOKENS,
    _vectors,
)
_SCORES = Use(
    "scores a short and a long pair of texts",
    "scores no batch of a short and a long pair of texts",
    "a short pair of texts scored by sentence-transformers gives",
    2 * SHORT_TOKENS,
    _scores,
)
_EMBEDDER = "SentenceTransformer"
# By the class that config_sentence_transformers.json names; others, such as ColBERT's, give no one row per text.
_USES = {_EMBEDDER: _EMBEDS, "SparseEncoder": _EMBEDS, "CrossEncoder": _SCORES}


def reads(folder: Path) -> bool:
    """Return whether a folder is one of sentence-transformers, that is installed, and none of its modules is foreign.

    Before version 6 it imported classes that a local folder names, whatever ``trust_remote_code`` said.
    """
    has_modules = (folder / "modules.json").is_file() and not foreign_classes(folder)
    installed = importlib.util.find_spec("sentence_transformers") is not None
    return has_modules and installed and _class_name(folder) in _USES


def use_of(folder: Path) -> Use:
    """Return what the class of a folder that is read does with texts."""
    return _USES[_class_name(folder)]


def result(folder: Path, length: int) -> Tensor:
    """Return the vector or score of a short input; run a batch of it and one longer than ``length`` tokens as well.

    The folder's own limit cuts the long text, and its own padding makes both alike in a batch.
    """
    use = use_of(folder)
    model: Any = load_sentence_model(
        _class_name(folder), folder, device="cpu", trust_remote_code=False, local_files_only=True
    )
    with torch.no_grad():
        both = use.run(model, [SHORT, "word " * length])
        alone = use.run(model, [SHORT])[0]
    if not bool(torch.isfinite(both).all()):
        raise DoesNotRunError("sentence-transformers gives values that are not finite")
    return alone


def _class_name(folder: Path) -> str:
    """Return the class that wrote a folder, by the library's own rule: ``SentenceTransformer`` unless it says more."""
    try:
        settings = read_json_value(folder / "config_sentence_transformers.json")
    except CheckpointError:
        return _EMBEDDER
    return str(settings.get("model_type", _EMBEDDER)) if isinstance(settings, dict) else _EMBEDDER
