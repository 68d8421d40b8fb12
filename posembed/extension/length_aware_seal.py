"""What the file of length-aware tables says about itself, its checksum among it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import torch
from safetensors.torch import save
from torch import Tensor

from posembed.generations import DamagedError

FORMAT = "posembed.length_aware.1"
_KEYS = frozenset({"format", "key", "reserved", "sha256"})


def sealed_metadata(key: str, reserved: int, tables: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the metadata of ``length_aware.safetensors``.

    Args:
        key: name of the position table's parameter.
        reserved: rows before position 0.
        tables: the tables by the length of the longest input that reads them.
    """
    about = {"format": FORMAT, "key": key, "reserved": str(reserved)}
    return about | {"sha256": _sha256(about, tables)}


def sealed_content(key: str, reserved: int, tables: Mapping[str, Tensor]) -> bytes:
    """Return the content of ``length_aware.safetensors``: the same bytes for the same tables.

    The safetensors library writes metadata in the order of a hash table, which differs from process to process.

    Args:
        key: name of the position table's parameter.
        reserved: rows before position 0.
        tables: the tables by the length of the longest input that reads them.
    """
    content = save(dict(tables), metadata=sealed_metadata(key, reserved, tables))
    begin = len(content) - sum(table.nbytes for table in tables.values())
    header = json.loads(content[8:begin])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return content[:8] + text.ljust(begin - 8) + content[begin:]


def check_seal(about: Mapping[str, str], tables: Mapping[str, Tensor]) -> None:
    """Refuse tables that are not what was written; a file of version 0.2 has no checksum.

    Raises:
        DamagedError: naming what is wrong.
    """
    if about.get("format") != FORMAT:
        raise DamagedError(f"its format is {about.get('format')!r}, this version reads {FORMAT!r}")
    if unknown := sorted(set(about) - _KEYS):
        raise DamagedError(f"its metadata have the unknown key {unknown[0]!r}")
    if not tables:
        raise DamagedError("it has no tables")
    rest = {name: value for name, value in about.items() if name != "sha256"}
    if "sha256" in about and about["sha256"] != _sha256(rest, tables):
        raise DamagedError("its checksum differs")


def _sha256(about: Mapping[str, str], tables: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of the metadata and of each table's name, type, shape and bytes."""
    digest = hashlib.sha256(repr(sorted(about.items())).encode())
    for name, table in sorted(tables.items()):
        digest.update(f"{name} {table.dtype} {list(table.shape)}".encode())
        digest.update(table.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
