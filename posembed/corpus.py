"""Real text, split by document into train, validation and test."""

from __future__ import annotations

import errno
import hashlib
import os
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError, MissingExtraError, WorkFailedError

Tokens = NDArray[np.int32]
BYTES = 256
_PIECE = 8192  # bytes of a piece of a single file: windows of several thousand tokens fit
# Files that are not for this user, and links that lead nowhere: they are left out and listed.
_NOT_FOR_US = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR})
_SHARES = (("train", 0.8), ("validation", 0.1), ("test", 0.1))


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


def require_source(data: str, tokenizer: str = "") -> None:
    """Refuse a source of texts that does not exist, before anything is read.

    Args:
        data: ``"stdlib"``, a text file or a directory.
        tokenizer: a tokenizer.json; empty for none.

    Raises:
        DataError: naming what is missing.
    """
    if not data:
        raise DataError("`data` is empty; give stdlib, a text file, or a directory (. for this one)")
    path = Path(data)
    try:
        exists, usable = path.exists(), path.is_file() or path.is_dir()
    except OSError as error:  # a folder above it that may not be entered, a name that is too long
        raise DataError(f"data={data!r} cannot be read ({error.strerror})") from None
    if data != "stdlib" and not exists:
        raise DataError(f"data={data!r}: no such file or directory; give a text file, a directory, or stdlib")
    if data != "stdlib" and not usable:
        raise DataError(f"data={data!r}: neither a regular file nor a directory; give one of them, or stdlib")
    if tokenizer and not Path(tokenizer).is_file():
        raise DataError(f"tokenizer={tokenizer!r}: no such file; give a tokenizer.json")


def split_texts(data: str) -> tuple[dict[str, list[bytes]], tuple[str, ...]]:
    """Read documents and split them into three disjoint sets, as :func:`load_corpus` does.

    Returns:
        ``train``, ``validation`` and ``test``, each a list of UTF-8 texts; and the files that were left out.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    require_source(data)
    path = Path(sysconfig.get_paths()["stdlib"] if data == "stdlib" else data)
    skipped: list[str] = []
    if path.is_file():
        sets = _split_file(path)
    else:
        sets = _split_documents(_read_directory(path, data == "stdlib", skipped))
        if not any(sets.values()):
            raise DataError(f"data={data!r}: the directory {path} holds no text" + _skipped_note(skipped))
    for name, documents in sets.items():
        if not documents:
            raise DataError(
                f"data={data!r}: too little text: no document is left for the {name} set; "
                "give at least a few dozen documents, or a file of at least 100 KB" + _skipped_note(skipped)
            )
    # A file name can hold bytes that no text can; a report must be able to print it.
    return sets, tuple(text.encode("utf-8", "replace").decode() for text in skipped)


def _skipped_note(skipped: list[str]) -> str:
    return f" ({len(skipped)} files left out, first: {skipped[0]})" if skipped else ""


def _read_directory(root: Path, stdlib: bool, skipped: list[str]) -> list[bytes]:
    excluded = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"} if stdlib else set()
    documents: list[bytes] = []
    for folder, names, files in os.walk(root, onerror=lambda e: skipped.append(_why_skipped(e, e.filename))):
        names[:] = sorted(name for name in names if name not in excluded and not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if name.startswith(".") or (stdlib and path.suffix != ".py"):
                continue
            try:
                if path.exists() and not path.is_file():  # reading a pipe would wait forever
                    skipped.append(f"{path}: not a regular file")
                    continue
                content = path.read_bytes()
                content.decode("utf-8")
            except OSError as error:
                skipped.append(_why_skipped(error, path))
            except UnicodeDecodeError:
                skipped.append(f"{path}: not UTF-8 text")
            else:
                if b"\0" in content:
                    skipped.append(f"{path}: not text (it holds NUL bytes)")
                elif content.strip():
                    documents.append(content)
    return documents


def _why_skipped(error: OSError, path: object) -> str:
    """Return why a file is left out.

    Raises:
        WorkFailedError: if the disk failed: with a part of the texts, the numbers would be others without a word.
    """
    if error.errno in _NOT_FOR_US:
        return f"{path}: {error.strerror}"
    raise WorkFailedError(f"{path} cannot be read ({error.strerror}): check the disk, or remove it") from error


def _split_documents(documents: list[bytes]) -> dict[str, list[bytes]]:
    """Order by content hash and cut at 80 % and 90 %: names and places do not matter, equal files are one document."""
    ordered = [text for _, text in sorted({hashlib.sha256(text).digest(): text for text in documents}.items())]
    return _cut(ordered)


def _split_file(path: Path) -> dict[str, list[bytes]]:
    try:
        content = path.read_bytes()
        content.decode("utf-8")
    except OSError as error:
        _why_skipped(error, path)  # raises where the disk failed
        raise DataError(f"data={str(path)!r}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"data={str(path)!r}: not UTF-8 text (byte {error.start}); convert it first") from None
    if not content.strip():
        raise DataError(f"data={str(path)!r}: the file is empty; there is nothing to train on")
    if b"\0" in content:
        raise DataError(f"data={str(path)!r}: the file holds NUL bytes, so it is not text")
    pieces: list[bytes] = []
    begin = 0
    while begin < len(content):
        line_end = content.find(b"\n", min(begin + _PIECE, len(content)))
        end = len(content) if line_end < 0 else line_end + 1
        if end - begin > 2 * _PIECE:  # a file of few line ends is cut anyway
            end = begin + _PIECE
            while content[end] & 0xC0 == 0x80:  # not inside a character
                end -= 1
        pieces.append(content[begin:end])
        begin = end
    return _cut(list(dict.fromkeys(pieces)))  # a repeated piece must not be both trained on and tested


def _cut(documents: list[bytes]) -> dict[str, list[bytes]]:
    sets: dict[str, list[bytes]] = {}
    share = 0.0
    begin = 0
    for name, part in _SHARES:
        share += part
        end = round(share * len(documents))
        sets[name] = documents[begin:end]
        begin = end
    return sets


class _Bytes:
    def __call__(self, text: bytes) -> Tokens:
        return np.frombuffer(text, dtype=np.uint8).astype(np.int32)


class _Tokenizer:
    def __init__(self, path: str) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtraError("tokenizers", "models", "`tokenizer`") from None
        if not Path(path).is_file():
            raise DataError(f"tokenizer={path!r}: no such file; give a tokenizer.json")
        try:
            self.tokenizer = Tokenizer.from_file(path)
        except Exception as error:  # tokenizers raises plain Exception
            raise DataError(f"tokenizer={path!r}: not a tokenizer.json ({error})") from None
        # A stored truncation would silently cut every document.
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
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
