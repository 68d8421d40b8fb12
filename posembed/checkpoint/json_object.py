"""Read the JSON of a checkpoint, bounded in memory, and write it again without changing what was not meant."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path
from typing import Any

from posembed.checkpoint.partial import bytes_of, partial_at, size_of
from posembed.errors import CheckpointError, first_line

JSON_LIMIT = 100 << 20  # bytes; the largest tokenizer.json in use are near 35 MB
# What JSON takes in memory: an object or list about 72 bytes, each further entry about 40, and text its size, four
# times that if a single character is beyond ASCII. A file of brackets alone would take twenty times its size.
_BYTES_PER_BRACKET, _BYTES_PER_ENTRY, _BYTES_PER_CHARACTER = 72, 40, 4
# A configuration with 22,000 labels takes 5 MB. Larger are only an index of 100,000 tensors, 15 MB, and tokenizers:
# Gemma's takes 300 MB for half a million merges.
MOST_MEMORY = 16 << 20
MOST_MEMORY_OF_INDEX = 64 << 20
MOST_MEMORY_OF_TOKENIZER = 512 << 20
_LEADING = 4096  # bytes; what comes before the vocabulary is some hundred
_MARK = "\ue000"  # of Unicode's private use: stands around a number while JSON is written


class HugeNumber(float):
    """A number beyond the range of floating point, such as 1e999: infinity, with the text that the file has."""

    __slots__ = ("text",)
    text: str

    def __repr__(self) -> str:
        return self.text


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object from a file.

    Raises:
        CheckpointError: if it cannot be read, is too large, is not JSON, or not an object.
    """
    value = read_json_value(path)
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: must hold a JSON object, found {kind_of_json(value)}")
    return value


def read_leading(path: Path, name: str) -> dict[str, object]:
    """Read one field of a JSON object, with the others where that costs nothing.

    Of a file elsewhere whose first bytes have the whole field, only these are fetched: `tokenizers` writes
    ``truncation`` before a vocabulary of megabytes.

    Raises:
        CheckpointError: as :func:`read_json`.
    """
    partial = partial_at(path)
    if partial is not None and partial.size > _LEADING:
        text = partial.read(0, _LEADING).decode("utf-8", "ignore")
        if found := re.match(rf'\s*\{{(?:\s*"version"\s*:\s*"[^"]*"\s*,)?\s*"{re.escape(name)}"\s*:\s*', text):
            with contextlib.suppress(ValueError, RecursionError):
                return {name: json.JSONDecoder(parse_float=_number).raw_decode(text, found.end())[0]}
    return read_json(path)


def kind_of_json(value: object) -> str:
    """Return what JSON calls a value.

    Example:
        >>> kind_of_json(None), kind_of_json([1]), kind_of_json("a"), kind_of_json(1.5)
        ('null', 'an array', 'a string', 'a number')
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    kinds = {dict: "an object", list: "an array", str: "a string"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "a number")


def read_json_value(path: Path) -> Any:
    """Read any JSON value from a file.

    Raises:
        CheckpointError: if it cannot be read, is too large or is not JSON.
    """
    try:
        if size_of(path) > JSON_LIMIT:
            raise CheckpointError(f"{path}: is larger than {JSON_LIMIT >> 20} MB, too large for a configuration file")
        data = bytes_of(path)
        most = MOST_MEMORY_OF_INDEX if path.name.endswith(".index.json") else MOST_MEMORY
        most = MOST_MEMORY_OF_TOKENIZER if path.name == "tokenizer.json" else most
        if memory_of(data) > most:
            raise CheckpointError(f"{path}: would take more than {most >> 20} MB of memory, which no such file needs")
        return json.loads(data, parse_float=_number)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {reason_of(error)}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: is not valid JSON ({reason_of(error)}): fix or replace the file") from error


def memory_of(data: bytes | bytearray) -> int:
    """Return about how many bytes JSON takes in memory once it is parsed.

    Example:
        >>> memory_of(b"[]" * 1000) > 50 * memory_of(b"  " * 1000)
        False
        >>> memory_of(b"[]" * 1000) > 30 * memory_of(b"  " * 1000)
        True
    """
    text = len(data) * (1 if data.isascii() else _BYTES_PER_CHARACTER)
    return text + _BYTES_PER_BRACKET * (data.count(b"[") + data.count(b"{")) + _BYTES_PER_ENTRY * data.count(b",")


def json_text(content: object) -> str:
    r"""Return JSON as it is written to a checkpoint; numbers beyond the range of floating point keep their text.

    Raises:
        RecursionError: for a value that is nested too deeply.

    Example:
        >>> json_text({"a": _number("1e999")})
        '{\n  "a": 1e999\n}'
    """
    found: list[str] = []
    text = json.dumps(_marked(content, found), indent=2, ensure_ascii=False)
    for number in dict.fromkeys(found):
        text = text.replace(f'"{_MARK}{number}{_MARK}"', number)
    return text


def _number(text: str) -> float:
    value = float(text)
    if value not in (float("inf"), float("-inf")):
        return value
    huge = HugeNumber(value)
    huge.text = text
    return huge


def _marked(content: object, found: list[str]) -> object:
    if isinstance(content, dict):
        return {name: _marked(value, found) for name, value in content.items()}
    if isinstance(content, list):
        return [_marked(value, found) for value in content]
    if isinstance(content, HugeNumber):
        found.append(content.text)
        return f"{_MARK}{content.text}{_MARK}"
    return content


def reason_of(error: BaseException) -> str:
    """Return what an error of the system or of another library says, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return first_line(error)
