"""The lab's own files: JSON, and folders that are made when they are needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posembed.files import write_whole as write_beside


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """:func:`posembed.files.write_whole`, the folder made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_beside(path, write)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically. Numbers that JSON does not have (NaN, infinity) are refused, not written."""
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, write)


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def differences(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Name every entry in which two configurations differ, as ``name: old → new``."""
    names = sorted(set(old) | set(new))
    return ", ".join(
        f"{name}: {old.get(name, 'absent')!r} there, {new.get(name, 'absent')!r} here"
        for name in names
        if old.get(name) != new.get(name)
    )
