"""Files of unfinished work: sealed with a checksum, and the one before kept in case the newest is damaged."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from posembed.files import write_whole

T = TypeVar("T")
# At the end of the file, where readers of archives that know nothing of it do not look.
_SEAL = re.compile(rb"\nposembed state 1: step (\d{1,18}), (\d{1,18}) bytes, sha256 ([0-9a-f]{64})\n\Z")
_LONGEST_SEAL = 160


class DamagedError(Exception):
    """A file whose content is not what was written; the message says how that shows."""


@dataclass(frozen=True)
class Sealed:
    """What a file holds.

    Attributes:
        payload: its content without the seal.
        step: how far the work was when it was written; ``None`` without a seal.
    """

    payload: bytes
    step: int | None


@dataclass(frozen=True)
class Generation(Generic[T]):
    """The newest generation of a file that is undamaged.

    Attributes:
        value: what it holds.
        path: where it lies: the file itself, or the one before it.
        sealed: whether a checksum proves that it is what was written.
        warning: which generation is used and why, if it is not the newest; else empty.
    """

    value: T
    path: Path
    sealed: bool
    warning: str


def seal(payload: bytes, step: int) -> bytes:
    r"""Return a file's content with a last line that has its length and SHA-256.

    Args:
        payload: the content.
        step: how far the work is; covered by the checksum, and readable without it.

    Example:
        >>> seal(b"weights", 7)[:49]
        b'weights\nposembed state 1: step 7, 7 bytes, sha256'
    """
    begun = f"\nposembed state 1: step {step}, {len(payload)} bytes, sha256 ".encode()
    return payload + begun + hashlib.sha256(payload + begun).hexdigest().encode() + b"\n"


def unseal(data: bytes) -> Sealed:
    """Return what :func:`seal` sealed, or everything where there is no seal, as in a file of version 0.2.

    Raises:
        DamagedError: if the checksum differs.

    Example:
        >>> unseal(seal(b"weights", 7)), unseal(b"weights")
        (Sealed(payload=b'weights', step=7), Sealed(payload=b'weights', step=None))
    """
    found = _SEAL.search(data, max(0, len(data) - _LONGEST_SEAL))
    if found is None:
        return Sealed(data, None)
    if hashlib.sha256(data[: found.start(3)]).hexdigest().encode() != found[3]:
        raise DamagedError("its checksum differs")
    if int(found[2]) != found.start():
        raise DamagedError("its length differs")
    return Sealed(data[: found.start()], int(found[1]))


def previous(path: Path) -> Path:
    """Return where the generation before a file is kept: ``out.calibrating.previous``."""
    return path.with_name(f"{path.name}.previous")


def remove_generations(path: Path) -> None:
    """Remove every generation; the newest goes last, so that a kill in between leaves one that can be used."""
    previous(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def write_generation(path: Path, payload: bytes, step: int) -> None:
    """Seal and write a file, whole or not at all, and keep the one that it replaces unless that is damaged.

    A file that is missing was never written, or was deleted to start over: then no older one counts either.

    Raises:
        OSError: if the disk refuses; the generations stay as they are.
    """
    if not path.exists():
        previous(path).unlink(missing_ok=True)
    elif _may_replace_previous(path):
        write_whole(previous(path), lambda temporary: shutil.copyfile(path, temporary))
    sealed = seal(payload, step)
    write_whole(path, lambda temporary: temporary.write_bytes(sealed), parents=True)


def read_generation(path: Path, parse: Callable[[Sealed], T]) -> Generation[T]:
    """Read the newest undamaged generation of a file.

    Args:
        path: the file.
        parse: gives the value; a ``DamagedError`` makes a generation damaged.

    Raises:
        DamagedError: if no generation is undamaged; the message has the reason for each.
    """
    faults: list[str] = []
    for each in (path, previous(path)):
        try:
            found = unseal(each.read_bytes())
            value = parse(found)
        except OSError as error:
            faults.append(f"{each} cannot be read ({error.strerror or error})")
        except DamagedError as error:
            faults.append(f"{each} is damaged ({error})")
        else:
            warning = f"{faults[0]}: resuming from {each}{_steps_again(path, found)}" if faults else ""
            return Generation(value, each, found.step is not None, warning)
    # The second fault says nothing where there never was a generation before.
    raise DamagedError(" and ".join(faults if previous(path).exists() else faults[:1]))


def _steps_again(path: Path, used: Sealed) -> str:
    """Return from which step on the work is done again, and how many steps that are where the damaged file says so."""
    if used.step is None:
        return ""
    try:
        claimed = _SEAL.search(path.read_bytes()[-_LONGEST_SEAL:])
    except OSError:
        claimed = None
    again = 0 if claimed is None else int(claimed[1]) - used.step
    if again <= 0:
        return f", saved at step {used.step}; later steps are done again"
    return f", saved at step {used.step}; {again} {'step is' if again == 1 else 'steps are'} done again"


def _may_replace_previous(path: Path) -> bool:
    """Return whether a file is worth keeping; one without a seal is not worth an older one that may have it."""
    try:
        return unseal(path.read_bytes()).step is not None or not previous(path).exists()
    except (OSError, DamagedError):
        return False
