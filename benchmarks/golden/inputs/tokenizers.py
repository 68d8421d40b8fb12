"""Tokenizers of whole words, and the vocabulary of the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_SYLLABLES = ("ka", "to", "ri", "mu", "se", "lo", "ban", "tir", "gul", "ves")
WORDS = tuple(a + b + c for a in _SYLLABLES for b in _SYLLABLES[:6] for c in _SYLLABLES[:5])
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
#: Pieces of words by which any English text is written: names and numbers can be told apart.
PIECES = (
    *(first + second + third for first in ("", "##") for second in _LETTERS for third in ("", *_LETTERS)),
    *(first + digit for first in ("", "##") for digit in "0123456789"),
    *".,?!:;'-",
)
_FEW = ("the", "a", "cat", "dog", "man", "sat", "ran", "on", "under", "mat", "house", "of", "and", "positions", ".")


def save_tokenizer(folder: Path, limit: int, words: tuple[str, ...] = _FEW) -> int:
    """Write a tokenizer that knows ``words``; returns the size of its vocabulary."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    tokenizer = Tokenizer(models.WordPiece({name: n for n, name in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=special)
    fast: Any = transformers.PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer,
        model_max_length=limit,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)
    return len(names)
