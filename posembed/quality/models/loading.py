"""Load the files of a checkpoint: the model and its tokenizer."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch

from posembed.checkpoint.stale_files import TABLES_BY_LENGTH
from posembed.errors import CheckpointError, InvalidArgumentError, MissingExtraError, first_line
from posembed.extension.length_aware import load_length_aware


def load_files(folder: Path, loader: str) -> tuple[Any, Any]:
    """Load a model in float32, with its length-aware tables if it has some, and its tokenizer without limits.

    Args:
        folder: a directory of Transformers files.
        loader: Transformers' class that loads the model, such as ``"AutoModel"``.

    Raises:
        MissingExtraError: if `transformers` is not installed.
        InvalidArgumentError: if there is no ``tokenizer.json``.
        CheckpointError: for files that cannot be loaded.
    """
    try:
        import transformers
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError("transformers", "models", "evaluating a checkpoint") from None
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise InvalidArgumentError(f"{folder} has no tokenizer.json, which is required to tokenize texts")
    try:
        tokenizer = Tokenizer.from_file(str(file))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = getattr(transformers, loader).from_pretrained(folder, dtype=torch.float32).eval()
    except Exception as error:  # the libraries raise whatever a broken file leads to
        raise CheckpointError(f"{folder} cannot be loaded: {first_line(error)}") from None
    if (folder / TABLES_BY_LENGTH).is_file():
        load_length_aware(model, folder)
    tokenizer.no_truncation()  # a stored limit would silently cut every document
    tokenizer.no_padding()
    return model, tokenizer


def read_json(file: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        CheckpointError: if it cannot be read.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}") from None
