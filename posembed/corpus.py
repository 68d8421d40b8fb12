"""Real text, split by document into train, validation and test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError, require_package
from posembed.text_files import split_texts
from posembed.tokenizing import unlimited_tokenizer

Tokens = NDArray[np.int32]
BYTES = 256


@dataclass(frozen=True)
class Corpus:
    """Tokens of three disjoint sets of documents.

    Attributes:
        train: all training documents end to end, each followed by :attr:`separator`.
        validation: documents that show the progress of training; nothing is chosen by them.
        test: documents that all reported figures are measured on.
        separator: id of the token between training documents.
        mask: id of the mask token.
        vocab_size: number of ids, the two above included.
        train_documents: number of training documents.
        sha256: fingerprint of the tokens and the split.
        skipped: files that were left out, with the reason.
    """

    train: Tokens
    validation: tuple[Tokens, ...]
    test: tuple[Tokens, ...]
    separator: int
    mask: int
    vocab_size: int
    train_documents: int
    sha256: str
    skipped: tuple[str, ...]


def load_corpus(data: str, tokenizer: str = "") -> Corpus:
    """Read a corpus and split it by document.

    Args:
        data: ``"stdlib"`` (the source text of the running Python's standard library, without its tests), a file,
            or a directory (every file below it is a document; files that are not UTF-8 text are left out and
            listed). A single file is cut at line ends into pieces of about 8 KiB: the first 80 % of them train,
            the next 10 % validate, the last 10 % test. The documents of a directory are assigned to the three
            sets by the hash of their content, so equal files never land in two sets.
        tokenizer: a ``tokenizer.json`` of the `tokenizers` package; without it, tokens are bytes.

    Raises:
        DataError: if there is nothing to read, or too little to split.
        MissingExtraError: if a tokenizer is given and `tokenizers` is not installed.
    """
    sets, skipped = split_texts(data)
    encode, vocabulary = _encoder(tokenizer)
    tokens = {name: tuple(encode(text) for text in documents) for name, documents in sets.items()}
    separator = np.array([vocabulary], dtype=np.int32)
    digest = hashlib.sha256()
    for name, encoded in tokens.items():
        for document in encoded:
            digest.update(f"{name} {len(document)}\n".encode())
            digest.update(document.tobytes())
    return Corpus(
        train=np.concatenate([part for document in tokens["train"] for part in (document, separator)]),
        validation=tokens["validation"],
        test=tokens["test"],
        separator=vocabulary,
        mask=vocabulary + 1,
        vocab_size=vocabulary + 2,
        train_documents=len(tokens["train"]),
        sha256=digest.hexdigest(),
        skipped=skipped,
    )


class _Bytes:
    def __call__(self, text: bytes) -> Tokens:
        return np.frombuffer(text, dtype=np.uint8).astype(np.int32)


class _Tokenizer:
    def __init__(self, path: str) -> None:
        require_package("tokenizers", "models", "`tokenizer`")
        if not Path(path).is_file():
            raise DataError(f"tokenizer={path!r}: no such file; give a tokenizer.json")
        try:
            self.tokenizer = unlimited_tokenizer(Path(path))
        except Exception as error:  # tokenizers raises plain Exception
            raise DataError(f"tokenizer={path!r}: not a tokenizer.json ({error})") from None
        # Not the number of tokens: a vocabulary may leave ids out.
        self.size: int = max(self.tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1

    def __call__(self, text: bytes) -> Tokens:
        return np.array(self.tokenizer.encode(text.decode("utf-8"), add_special_tokens=False).ids, dtype=np.int32)


def _encoder(tokenizer: str) -> tuple[_Bytes | _Tokenizer, int]:
    if not tokenizer:
        return _Bytes(), BYTES
    encoder = _Tokenizer(tokenizer)
    return encoder, encoder.size


def require_length(corpus: Corpus, train_length: int, data: str) -> None:
    """Refuse a training length that the documents cannot fill.

    Raises:
        DataError: naming the largest length that fits.
    """
    needed = train_length + 1
    held_out = {"validation": corpus.validation, "test": corpus.test}
    seconds = [sorted((len(document) for document in documents), reverse=True)[1:2] for documents in held_out.values()]
    largest = max(0, min(len(corpus.train), *(second[0] if second else 0 for second in seconds)) - 1)
    if len(corpus.train) < needed:
        raise DataError(
            f"train_length={train_length} is larger than the data: data={data!r} has {len(corpus.train)} training "
            f"tokens, {needed} are needed; the largest length that fits is {largest}"
        )
    for name, documents in held_out.items():
        long_enough = sum(len(document) >= needed for document in documents)
        if long_enough < 2:
            raise DataError(
                f"train_length={train_length} is larger than the data: {long_enough} {name} documents of "
                f"data={data!r} have {needed} tokens, at least 2 are needed; the largest length that fits is {largest}"
            )
