"""Read the JSON objects of a checkpoint: configurations and indexes."""

from __future__ import annotations

import json
from pathlib import Path

from posembed.errors import CheckpointError, first_line

JSON_LIMIT = 100 << 20  # bytes; the largest tokenizer.json in use are near 20 MB


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object from a file.

    Raises:
        CheckpointError: if it cannot be read, is too large, is not JSON, or not an object.
    """
    try:
        if path.stat().st_size > JSON_LIMIT:
            raise CheckpointError(f"{path}: is larger than {JSON_LIMIT >> 20} MB, too large for a configuration file")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {reason_of(error)}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is not valid JSON ({reason_of(error)}): fix or replace the file") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: must hold a JSON object, found {type(value).__name__}")
    return value


def reason_of(error: BaseException) -> str:
    """Return what an error of the system or of another library says, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return first_line(error)
