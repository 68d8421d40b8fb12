"""The state of an interrupted training, as PyTorch saves it: with a checksum, and read with every check there is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch

from posembed.errors import InvalidArgumentError, ResultsConflictError
from posembed.generations import DamagedError, Generation, Sealed, read_generation, write_generation

T = TypeVar("T")
# In the content, so that a file of this version that has lost its seal is not taken for one of version 0.2.
_MARK = "sealed"
_WRONG_CONTENT = (KeyError, TypeError, ValueError, AttributeError, IndexError, RuntimeError, InvalidArgumentError)


def save_state(path: Path, plain: Mapping[str, Any], step: int) -> None:
    """Write tensors and plain values, whole or not at all; the state before this one is kept beside it.

    Args:
        path: the file; ``torch.load`` reads it too.
        plain: what it holds.
        step: number of steps taken.

    Raises:
        OSError: if the disk refuses.
    """
    buffer = io.BytesIO()
    torch.save({**plain, _MARK: True}, buffer)
    write_generation(path, buffer.getvalue(), step)


def load_state(path: Path, parse: Callable[[Mapping[str, Any]], T]) -> Generation[T]:
    """Read the newest undamaged state.

    Args:
        path: the file.
        parse: makes the value of what was saved; what it raises for wrong content makes a state damaged.

    Raises:
        DamagedError: if no state is undamaged.
        ResultsConflictError: from ``parse``, for the state of other work.
    """

    def read(found: Sealed) -> T:
        plain = _unpickled(found)
        try:
            return parse(plain)
        except ResultsConflictError:
            raise
        except _WRONG_CONTENT as error:
            raise DamagedError(_reason(error)) from None

    return read_generation(path, read)


def unchecked(path: Path) -> str:
    """Return the warning about a state without a checksum."""
    return (
        f"{path} was written by posembed 0.2 or older, without a checksum: its checksums of single entries match, more "
        "cannot be checked"
    )


def load_optimizer(optimizer: torch.optim.Optimizer, saved: Any) -> None:
    """Load an optimizer's state; PyTorch itself does not compare shapes.

    Raises:
        DamagedError: if a moment has another shape than its parameter.
    """
    optimizer.load_state_dict(saved)
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, torch.Tensor) and value.dim() and value.shape != parameter.shape:
                raise DamagedError(f"the optimizer's {name} is {list(value.shape)}, not {list(parameter.shape)}")


def _unpickled(found: Sealed) -> Mapping[str, Any]:
    if found.step is None:
        _check_archive(found.payload)
    try:
        plain = torch.load(io.BytesIO(found.payload), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever the broken file leads to, in pages about its flags
        raise DamagedError(f"it cannot be read: {type(error).__name__}") from None
    if not isinstance(plain, dict):
        raise DamagedError(f"it holds a {type(plain).__name__}")
    if found.step is None and _MARK in plain:
        raise DamagedError("its checksum is missing")
    return plain


def _check_archive(payload: bytes) -> None:
    """Check the CRC-32 of each entry, which ``torch.load`` does not."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            wrong = archive.testzip()
    except Exception as error:  # zipfile too raises whatever the broken file leads to
        raise DamagedError(f"it cannot be read: {type(error).__name__}") from None
    if wrong is not None:
        raise DamagedError(f"the checksum of its entry {wrong!r} differs")


def _reason(error: Exception) -> str:
    """Return what is wrong with the content, in a few words."""
    if isinstance(error, KeyError):
        return f"it has no entry {error.args[0]!r}" if error.args else "an entry is missing"
    return f"{error}".splitlines()[0] if isinstance(error, InvalidArgumentError | ValueError) else type(error).__name__
