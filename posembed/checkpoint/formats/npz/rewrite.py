"""Write a copy of a NumPy archive in which some arrays are replaced; everything else passes through a buffer."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from posembed.checkpoint.copying import BUFFER, Progress
from posembed.checkpoint.formats.npz.file import NpyHeader, NpzFile, meaning, open_npz
from posembed.checkpoint.tensors import Array
from posembed.errors import WorkFailedError

SAMPLE = 1 << 16  # bytes of each copied entry that are compared at its start


def rewrite_npz(
    source: NpzFile, target: Path, replacements: Mapping[str, Array], progress: Progress | None, *, full: bool
) -> None:
    """Write a copy with new arrays; entries keep their order, names, dates and compression.

    Raises:
        CheckpointError: if the source is damaged, or changed since it was opened.
        WorkFailedError: if an entry of the copy does not read back as it was written.
        OSError: if the copy cannot be written.
    """
    try:
        _copy(source, target, replacements, progress)
    except _WriteError as fault:  # the target's, which the source must not be blamed for
        raise fault.error from None
    target.chmod(source.path.stat().st_mode & 0o777)
    _verify(source, open_npz(target), replacements, full=full)


class _WriteError(Exception):
    """What the system said when the target was written; no reader of archives takes it for its own."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class _Target(io.FileIO):
    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise _WriteError(error) from error


def _copy(source: NpzFile, target: Path, replacements: Mapping[str, Array], progress: Progress | None) -> None:
    with (
        io.BufferedWriter(_Target(target, "x")) as file,
        source.archive() as old,
        zipfile.ZipFile(file, "w") as new,
    ):
        for info in source.entries:
            key = info.filename.removesuffix(".npy")
            entry = copy.copy(info)
            entry.extra = b""  # sizes of more than 4 GB, which are written anew
            if key in replacements and key in source.headers:
                data = npy_bytes(replacements[key], source.headers[key])
                entry.file_size = len(data)
                with new.open(entry, "w") as stream:
                    _write(stream, iter([data]), progress)
            elif info.is_dir():
                new.writestr(entry, b"")
            else:
                with old.open(info) as content, new.open(entry, "w") as stream:
                    _write(stream, _blocks(content), progress)


def npy_bytes(values: Array, header: NpyHeader) -> bytes:
    """Return an array as an ``.npy`` file, its numbers stored as those of the one that it replaces.

    Example:
        >>> import io
        >>> data = npy_bytes(np.ones((2, 1), "<f4"), NpyHeader(np.dtype(">f4"), True, 128))
        >>> np.load(io.BytesIO(data)).dtype, np.load(io.BytesIO(data)).shape
        (dtype('>f4'), (2, 1))
    """
    plain = np.ascontiguousarray(values).reshape(values.shape)
    assert plain.dtype == meaning(header.stored)
    stored = plain.view(header.stored) if header.stored.kind == "V" else plain.astype(header.stored)
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asfortranarray(stored) if header.fortran else stored, allow_pickle=False)
    return out.getvalue()


def _write(stream: IO[bytes], blocks: Iterator[bytes], progress: Progress | None) -> None:
    for block in blocks:
        stream.write(block)
        if progress is not None:
            progress(len(block))


def _blocks(content: IO[bytes], most: int | None = None) -> Iterator[bytes]:
    while block := content.read(BUFFER if most is None else most):
        yield block
        if most is not None:
            return


def _verify(source: NpzFile, written: NpzFile, replacements: Mapping[str, Array], *, full: bool) -> None:
    for key, values in replacements.items():
        if written.tensors[key].shape != values.shape or written.read(key).tobytes() != values.tobytes():
            raise WorkFailedError(f"{written.path}: {key} does not read back as it was written: check the disk")
    replaced = {f"{key}.npy" for key in replacements}
    before = {info.filename: (info.file_size, info.CRC) for info in source.entries}
    after = {info.filename: (info.file_size, info.CRC) for info in written.entries}
    for name in before:
        if name not in replaced and before[name] != after.get(name):
            raise WorkFailedError(f"{written.path}: its entry {name!r} differs from the source's: check the disk")
    _compare(source, written, [name for name in before if name not in replaced], full=full)


def _compare(source: NpzFile, written: NpzFile, names: Collection[str], *, full: bool) -> None:
    """Compare the copied entries: every byte, or the first of each; all were summed while they were copied."""
    most = None if full else SAMPLE
    with source.archive() as old, written.archive() as new:
        for name in names:
            with old.open(name) as before, new.open(name) as after:
                for one, other in zip(_blocks(before, most), _blocks(after, most), strict=True):
                    if one != other:
                        raise WorkFailedError(
                            f"{written.path}: its entry {name!r} differs from the source's: check the disk"
                        )
