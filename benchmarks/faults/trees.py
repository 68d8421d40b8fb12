"""Compare folders before and after."""

from __future__ import annotations

import contextlib
import json
import re
import stat
from collections.abc import Mapping
from pathlib import Path

Tree = Mapping[str, bytes]
# What differs between two runs of the same call: times, durations, memory.
_VARYING = re.compile(r"^(?:created|seconds|rates|\w*_per_second|peak_\w+|checksum|duration\w*)$")


def tree(path: Path) -> Tree | None:
    """Return the content of a file or of all that lies in a folder, with permission bits; ``None`` if it is absent."""
    if not path.exists():
        return None
    if path.is_file():
        return {"": _content(path)}
    return {str(each.relative_to(path)): _content(each) for each in sorted(path.rglob("*"))}


def leftovers(folder: Path) -> list[str]:
    """Return the hidden names below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob(".*.partial-*"))


def is_leftover(name: str) -> bool:
    """Return whether a name of a tree is hidden, or lies in a folder that is: work that was not finished."""
    return any(re.fullmatch(r"\..+\.partial-.+", part) for part in Path(name).parts)


def _content(path: Path) -> bytes:
    mode = f"{stat.S_IMODE(path.lstat().st_mode):o} ".encode()
    if path.is_dir():
        return mode + b"directory"
    content = path.read_bytes()
    if path.suffix == ".json":
        with contextlib.suppress(ValueError):  # half a file
            content = json.dumps(_steady(json.loads(content)), sort_keys=True).encode()
    return mode + content


def _steady(value: object) -> object:
    if isinstance(value, dict):
        return {key: _steady(each) for key, each in value.items() if not _VARYING.match(key)}
    return [_steady(each) for each in value] if isinstance(value, list) else value
