"""Limits on the number of tokens that tokenizer, processor and sentence-transformers files state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from posembed.checkpoint.json_object import read_json, read_leading
from posembed.checkpoint.tree import listed
from posembed.find import families
from posembed.find.config import number
from posembed.find.families import weights


@dataclass(frozen=True, slots=True)
class TokenLimit:
    """A number of tokens at which a file's user stops, and the field that holds it; ``queries``: for queries alone."""

    file: Path
    path: tuple[str, ...]
    limit: int
    why: str
    queries: bool = False


def token_limits(directory: Path, root: Path) -> Iterator[TokenLimit]:
    """Yield the limits on tokens in the files of tokenizer, processor and sentence-transformers.

    Args:
        directory: the Transformers directory.
        root: the checkpoint's root, for sentence-transformers.

    Raises:
        CheckpointError: if a folder cannot be listed or a file cannot be read: a limit in it would be missed.
    """
    settings: dict[Path, Mapping[str, Any]] = {}
    for law in families.TOKEN_FIELDS:
        for folder in dict.fromkeys((root, directory)) if law.at_root else (directory,):
            for file in _files(folder, law.files):
                if file not in settings:
                    whole = file.name != "tokenizer.json"  # which has one such field, before a vocabulary of megabytes
                    settings[file] = read_json(file) if whole else read_leading(file, law.path[0])
                limit = number(_at(settings[file], law.path))
                if limit is not None and limit < weights.NO_LIMIT:
                    yield TokenLimit(file, law.path, limit, law.why, law.queries)


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    """Yield the files of a folder by name; ``glob`` would pass over a folder that cannot be listed."""
    if folder.is_dir():
        yield from (file for file in listed(folder) if fnmatchcase(file.name, pattern) and file.is_file())


def _at(settings: Any, path: tuple[str, ...]) -> object:
    for name in path:
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


def existing(file: Path) -> Iterator[Path]:
    """Yield the file if it is there."""
    if file.is_file():
        yield file
