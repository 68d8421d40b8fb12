"""Text files and directories of them, split by document into three sets that share none."""

from __future__ import annotations

import errno
import hashlib
import os
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from posembed.errors import DataError, WorkFailedError

_PIECE = 8192  # bytes of a piece of a single file: windows of several thousand tokens fit
# Files that are not for this user, and links that lead nowhere: they are left out and listed.
_NOT_FOR_US = frozenset({errno.EACCES, errno.EPERM, errno.ENOENT, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR})
_SHARES = (("train", 0.8), ("validation", 0.1), ("test", 0.1))


@dataclass(frozen=True)
class File:
    """A text file, or a piece of one.

    Attributes:
        name: path of the file.
        content: UTF-8 text.
    """

    name: str
    content: bytes


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
    """Read documents and split them into three disjoint sets, as :func:`posembed.corpus.load_corpus` does.

    Returns:
        ``train``, ``validation`` and ``test``, each a list of UTF-8 texts; and the files that were left out.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    sets, skipped = split_files(data)
    return {name: [file.content for file in files] for name, files in sets.items()}, skipped


def split_files(data: str) -> tuple[dict[str, list[File]], tuple[str, ...]]:
    """Return the same three sets as :func:`split_texts`, with the names of the files.

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


def _read_directory(root: Path, stdlib: bool, skipped: list[str]) -> list[File]:
    excluded = {"site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__"} if stdlib else set()
    documents: list[File] = []
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
                    documents.append(File(str(path), content))
    return documents


def _why_skipped(error: OSError, path: object) -> str:
    """Return why a file is left out.

    Raises:
        WorkFailedError: if the disk failed: with a part of the texts, the numbers would be others without a word.
    """
    if error.errno in _NOT_FOR_US:
        return f"{path}: {error.strerror}"
    raise WorkFailedError(f"{path} cannot be read ({error.strerror}): check the disk, or remove it") from error


def _split_documents(documents: list[File]) -> dict[str, list[File]]:
    """Order by content hash and cut at 80 % and 90 %: names and places do not matter, equal files are one document."""
    distinct: dict[bytes, File] = {}
    for file in documents:
        distinct.setdefault(hashlib.sha256(file.content).digest(), file)
    return _cut([distinct[digest] for digest in sorted(distinct)])


def _split_file(path: Path) -> dict[str, list[File]]:
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
    # A repeated piece must not be both trained on and tested.
    return _cut([File(str(path), piece) for piece in dict.fromkeys(pieces)])


def _cut(documents: list[File]) -> dict[str, list[File]]:
    sets: dict[str, list[File]] = {}
    share = 0.0
    begin = 0
    for name, part in _SHARES:
        share += part
        end = round(share * len(documents))
        sets[name] = documents[begin:end]
        begin = end
    return sets
