"""The record of how a checkpoint's tables were made: read it, and recognize the tables that it names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from posembed.checkpoint.json_object import read_json, reason_of
from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import Array
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.records.history import History

HISTORY = "posembed.json"
"""The file in a checkpoint's directory."""


def read_history(checkpoint: Checkpoint) -> History | None:
    """Return how a checkpoint was made, or ``None`` where nothing is recorded.

    Raises:
        CheckpointError: if there is such a file and it is not a record of this version.
    """
    file = checkpoint.root / HISTORY  # a single file has none: its copy differs in the tables alone
    if not file.is_file():
        return None
    try:
        history = History.from_dict(read_json(file))
        history.sentences()  # values of another type end here, and not where somebody reads them
    except (InvalidArgumentError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{file}: is not a record of this version of posembed ({reason_of(error)}): move it away"
        ) from error
    return history


def table_sha256(values: Array) -> str:
    """Return the SHA-256 of a tensor's bytes, as they are stored.

    Example:
        >>> table_sha256(np.zeros((2, 1), np.float32)) == hashlib.sha256(bytes(8)).hexdigest()
        True
    """
    return hashlib.sha256(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data).hexdigest()


def has_tables(checkpoint: Checkpoint, hashes: Mapping[str, str]) -> bool:
    """Return whether a checkpoint has every one of these tables, with these rows.

    Args:
        checkpoint: for example the one that another may have been made from.
        hashes: SHA-256 of each table, by key.
    """
    return bool(hashes) and all(
        key in checkpoint.tensors and table_sha256(checkpoint.read(key)) == sha256 for key, sha256 in hashes.items()
    )
