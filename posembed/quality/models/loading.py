"""Load the files of a checkpoint: the model and its tokenizer."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from posembed.checkpoint.weight_files import transformer_directory
from posembed.errors import CheckpointError, InvalidArgumentError, first_line, require_package
from posembed.extension.length_aware import load_stored_tables
from posembed.extension.library_code import no_questions
from posembed.tokenizing import unlimited_tokenizer


def load_files(folder: Path, loader: str, *, device: str = "cpu", trust_remote_code: bool = False) -> tuple[Any, Any]:
    """Load a model in float32, with its length-aware tables if it has some, and its tokenizer without limits.

    Args:
        folder: a directory of Transformers or sentence-transformers files.
        loader: Transformers' class that loads the model, such as ``"AutoModel"``.
        device: where it runs, such as ``"cuda:0"``.
        trust_remote_code: run Python code of the checkpoint's own.

    Raises:
        MissingExtraError: if `transformers` is not installed.
        InvalidArgumentError: if there is no ``tokenizer.json``, or the model needs code of its own.
        CheckpointError: for files that cannot be loaded.
    """
    for module in ("tokenizers", "transformers"):
        require_package(module, "models", "evaluating a checkpoint", package="transformers")
    import transformers

    directory = transformer_directory(folder)
    file = directory / "tokenizer.json"
    if not file.is_file():
        raise InvalidArgumentError(f"{directory} has no tokenizer.json, which is required to tokenize texts")
    try:
        tokenizer = unlimited_tokenizer(file)
        with warnings.catch_warnings(), no_questions(folder):
            warnings.simplefilter("ignore")
            maker = getattr(transformers, loader)
            model = maker.from_pretrained(directory, dtype=torch.float32, trust_remote_code=trust_remote_code).eval()
    except InvalidArgumentError:
        raise
    except Exception as error:  # the libraries raise whatever a broken file leads to
        raise CheckpointError(f"{folder} cannot be loaded: {first_line(error)}") from None
    load_stored_tables(model, folder)
    return model.to(device), tokenizer
