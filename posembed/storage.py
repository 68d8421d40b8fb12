"""Results on disk as JSON: written whole, with a checksum where they are read again, and compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posembed.errors import first_line
from posembed.files import write_whole
from posembed.generations import DamagedError

JsonContent = dict[str, Any]
CHECKSUM = "checksum"
"""Key of a JSON object that holds the SHA-256 of all others."""


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


def write_sealed_json(path: Path, value: Mapping[str, object]) -> None:
    """Write a JSON object with a checksum of its content as its last entry.

    Raises:
        OSError: if the disk refuses; nothing is left behind.
    """
    plain = json.loads(json.dumps(value, allow_nan=False))  # keys and tuples as they will be read
    write_json(path, {**plain, CHECKSUM: _checksum(plain)})


def read_sealed_json(path: Path, *, must_be_sealed: bool = False) -> JsonContent:
    """Return the object that :func:`write_sealed_json` wrote; one of version 0.2 has no checksum, so none is compared.

    Args:
        path: the file.
        must_be_sealed: refuse an object without a checksum.

    Raises:
        DamagedError: for anything else.
        FileNotFoundError: if there is no such file.
    """
    try:
        value = read_json(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:  # the last for a thousand brackets within each other
        raise DamagedError(f"it cannot be read: {first_line(error)}") from None
    if not isinstance(value, dict):
        raise DamagedError("it is not a JSON object")
    if must_be_sealed and CHECKSUM not in value:
        raise DamagedError("its checksum is missing")
    if CHECKSUM in value and value.pop(CHECKSUM) != _checksum(value):
        raise DamagedError("its checksum differs")
    return value


def _checksum(value: Mapping[str, object]) -> str:
    """Return the SHA-256 of a JSON object's content, whatever the order of its keys and the space between them."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


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
