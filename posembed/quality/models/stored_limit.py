"""The number of tokens at which a model's own files say that inputs are cut."""

from __future__ import annotations

import os
from pathlib import Path

from posembed.checkpoint.weight_files import transformer_directory
from posembed.find.token_limits import token_limits

# Who cuts, in the order of who has the last word: sentence-transformers writes its own length over the tokenizer's, and
# Transformers' tokenizer replaces the truncation that is stored in tokenizer.json by its own limit.
_TOKENIZERS = ("tokenizer_config.json", "tokenizer.json")


def stored_limit(path: str | os.PathLike[str]) -> int | None:
    """Return at how many tokens, special ones included, inputs are cut by default; ``None`` where no file says.

    That is ``max_seq_length`` of sentence-transformers, else ``model_max_length`` of the tokenizer, else the truncation
    that is stored in ``tokenizer.json``.

    Args:
        path: a directory of Transformers or sentence-transformers files.

    Raises:
        CheckpointError: for a file that cannot be read.
    """
    root = Path(path)
    limits = list(token_limits(transformer_directory(root), root))
    by_library = [each.limit for each in limits if each.file.name not in _TOKENIZERS and "max_seq_length" in each.path]
    by_tokenizer = [each.limit for name in _TOKENIZERS for each in limits if each.file.name == name]
    return next(iter([*by_library, *by_tokenizer]), None)
