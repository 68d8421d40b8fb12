"""The zip archive in which torch stores a pickle and its tensors: its directory, checked before it is used.

Records are stored without compression, one behind the other, so no record can be larger than the file.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from posembed.checkpoint.copying import read_at
from posembed.checkpoint.formats.pickle.nodes import PickleFaultError
from posembed.checkpoint.partial import fetch_all, is_partial

_END = b"PK\x05\x06"
_END_64 = b"PK\x06\x06"
_LOCATOR_64 = b"PK\x06\x07"
_ENTRY = b"PK\x01\x02"
_LOCAL = b"PK\x03\x04"
_ENTRY_FORM = "<4s6H3L5H2L"
_LOCAL_FORM = "<4s5H3L2H"
_FULL = 0xFFFFFFFF  # the number is in the zip64 field instead
# An entry of the directory takes about 46 bytes and its name, and some 300 bytes of memory.
FREE_DIRECTORY = 8 << 20
FILE_BYTES_PER_BYTE = 16


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the archive: where its bytes begin, how many there are, and whether they are compressed."""

    begin: int
    size: int
    compressed: bool = False


def read_directory(descriptor: int, file_size: int) -> Mapping[str, Record]:
    """Return the records of an archive by name, in the order of its directory.

    Raises:
        PickleFaultError: if anything in it cannot be right.
    """
    start, size, count = _place_of_directory(descriptor, file_size)
    if size > FREE_DIRECTORY + file_size // FILE_BYTES_PER_BYTE or start < 0 or start + size > file_size:
        raise PickleFaultError("its directory is damaged, or the file is cut off")
    data = read_at(descriptor, size, start)
    if is_partial(descriptor):
        _fetch_starts(descriptor, data, count)
    records: dict[str, Record] = {}
    at = total = 0
    for _ in range(min(count, size // struct.calcsize(_ENTRY_FORM))):
        name, method, entry_size, stored_size, header, at = _entry(data, at)
        if name in records:
            raise PickleFaultError(f"it has two records named {name[:100]!r}")
        compressed = method != 0 or entry_size != stored_size
        records[name] = Record(_data_start(descriptor, header), stored_size, compressed)
        total += stored_size
        if records[name].begin + stored_size > file_size or total > file_size:
            raise PickleFaultError(f"the record {name[:100]!r} lies outside of the file: it is cut off or damaged")
    if not records:
        raise PickleFaultError("it is an empty archive")
    return records


def _fetch_starts(descriptor: int, data: bytes, count: int) -> None:
    """Fetch what is before each record at once: one by one, a request for each tensor takes minutes."""
    at, size, spans = 0, struct.calcsize(_LOCAL_FORM), []
    with contextlib.suppress(PickleFaultError):  # which the caller will find
        for _ in range(min(count, len(data) // struct.calcsize(_ENTRY_FORM))):
            *_, header, at = _entry(data, at)
            spans.append((header, header + size))
    fetch_all(descriptor, spans)


def require_plain(records: Mapping[str, Record]) -> None:
    """Refuse compressed records: torch compresses nothing but the code of TorchScript.

    Raises:
        PickleFaultError: if one is compressed.
    """
    for name, record in records.items():
        if record.compressed:
            raise PickleFaultError(
                f"the record {name[:100]!r} is compressed, as torch never writes it: load and save it with torch"
            )


def _place_of_directory(descriptor: int, file_size: int) -> tuple[int, int, int]:
    """Where the directory starts, its bytes, and the number of its entries."""
    tail_start = max(0, file_size - (1 << 16) - 22)
    tail = read_at(descriptor, file_size - tail_start, tail_start)
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < 22:
        raise PickleFaultError("it has no directory: it is cut off")
    count, size, start = struct.unpack_from("<H2L", tail, at + 10)
    locator = tail_start + at - 20
    if locator >= 0 and read_at(descriptor, 4, locator) == _LOCATOR_64:
        (place,) = struct.unpack("<Q", read_at(descriptor, 8, locator + 8))
        end = read_at(descriptor, 56, place) if place < file_size else b""
        if len(end) < 56 or end[:4] != _END_64:
            raise PickleFaultError("its directory is damaged")
        count, size, start = struct.unpack_from("<3Q", end, 32)
    return start, size, count


def _entry(data: bytes, at: int) -> tuple[str, int, int, int, int, int]:
    """Name, method, size, stored size and place of an entry, and where the next one begins."""
    try:
        fields = struct.unpack_from(_ENTRY_FORM, data, at)
    except struct.error as error:
        raise PickleFaultError("its directory is cut off") from error
    if fields[0] != _ENTRY:
        raise PickleFaultError("its directory is damaged")
    method, stored, size = fields[4], fields[8], fields[9]
    name_end = at + struct.calcsize(_ENTRY_FORM) + fields[10]
    extra_end = name_end + fields[11]
    if extra_end > len(data):
        raise PickleFaultError("its directory is cut off")
    name = data[name_end - fields[10] : name_end].decode("utf-8", "replace")
    numbers = [size, stored, fields[16]]
    wide = _wide_numbers(data[name_end:extra_end])
    for place, number in enumerate(numbers):
        if number == _FULL:
            if not wide:
                raise PickleFaultError("its directory is damaged")
            numbers[place] = wide.pop(0)
    return name, method, numbers[0], numbers[1], numbers[2], extra_end + fields[12]


def _wide_numbers(extra: bytes) -> list[int]:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            body = extra[at + 4 : at + 4 + size]
            return list(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
        at += 4 + size
    return []


def _data_start(descriptor: int, header: int) -> int:
    head = read_at(descriptor, struct.calcsize(_LOCAL_FORM), header) if header < 1 << 62 else b""
    if len(head) < struct.calcsize(_LOCAL_FORM) or head[:4] != _LOCAL:
        raise PickleFaultError("its directory names a record that is not there")
    fields = struct.unpack(_LOCAL_FORM, head)
    return int(header + len(head) + fields[9] + fields[10])
