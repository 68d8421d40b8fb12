"""Results on disk as JSON: written whole, read back, compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posembed.files import write_whole


def write_json(path: Path, value: object) -> None:
    """Write a JSON file, complete or not at all; missing folders are created.

    Raises:
        ValueError: for numbers that JSON does not have (NaN, infinity).
        OSError: if the disk refuses; nothing is left behind.
    """
    text = json.dumps(value, indent=1, allow_nan=False) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"), parents=True)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(path.read_text(encoding="utf-8"))


def differences(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    """Return every entry in which two configurations differ, in one line.

    Example:
        >>> differences({"steps": 10, "seed": 0}, {"steps": 20, "seed": 0})
        'steps: 10 there, 20 here'
    """
    names = sorted({*old, *new})
    return ", ".join(
        f"{name}: {old.get(name, 'absent')!r} there, {new.get(name, 'absent')!r} here"
        for name in names
        if old.get(name) != new.get(name)
    )
