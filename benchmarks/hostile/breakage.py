"""Ways to break a file: bytes, JSON values, operations of a pickle, the directory of an archive."""

from __future__ import annotations

import io
import json
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable
from typing import Any

LONG = 300_000  # characters of a long name
DEEP = 50_000  # levels of a deep structure
MANY = 400_000  # entries of a wide one

NUMBERS: tuple[object, ...] = (0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**30, 10**400, 1.5, 1e308, -0.0, True, None)
TEXTS: tuple[object, ...] = ("", "x", "../../etc/passwd", "/", "\0", "\ud800")
VALUES: tuple[object, ...] = (*NUMBERS, *TEXTS, [], {}, [[]], {"a": {}}, [1, 2, 3])
NAMES = ("n" * LONG, "", "wpe.weight", "__metadata__", "\x1b[31m", "position_embeddings\n")
LOOK_ALIKES = ("a.relative_position_bias", "rotary_pos", "rel_pos_h", "position_ids", "pos_embed", "a.attn.bias")


def bytes_of(data: bytes, rng: random.Random) -> bytes:
    """Flip, cut, repeat or insert bytes."""
    content = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if not content:
            break
        at = rng.randrange(len(content))
        way = rng.randrange(6)
        if way < 3:
            content[at] = rng.randrange(256)
        elif way == 3:
            content[at : at + rng.randrange(1, 64)] = b""
        elif way == 4:
            content[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 16)))
        else:
            content[at:at] = content[at : at + rng.randrange(1, 256)]
    return bytes(content[: rng.randrange(len(content) + 1)] if rng.random() < 0.1 else content)


def json_value(value: Any, rng: random.Random) -> Any:
    """Replace one value somewhere in a JSON value, rename, drop or repeat it."""
    value = json.loads(json.dumps(value))
    holder, key = _somewhere(value, rng)
    if holder is None:
        return rng.choice(VALUES)
    way = rng.randrange(8)
    if way < 4:
        holder[key] = rng.choice(VALUES)
    elif way == 4:
        holder[key] = "n" * LONG
    elif way == 5:
        holder[key] = [holder[key]] * rng.choice((2, 50, 5000))
    elif way == 6 and isinstance(holder, dict):
        holder[rng.choice(("n" * LONG, "", "wpe.weight", "__metadata__", "\x1b[31m", "position_embeddings\n"))] = (
            holder.pop(key)
        )
    elif isinstance(holder, dict):
        del holder[key]
    return value


def _somewhere(value: Any, rng: random.Random) -> tuple[Any, Any]:
    holder, key = None, None
    while isinstance(value, dict | list) and value and (holder is None or rng.random() < 0.75):
        holder = value
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value = value[key]
    return holder, key


def json_text(value: Any, rng: random.Random) -> bytes:
    """Return JSON text, broken as text: deep, wide, doubled, with numbers that floats do not hold."""
    text = json.dumps(value).encode()
    deep = rng.choice((40, 200, 400, 800, 950))  # below the depth at which Python's parser stops
    ways: list[Callable[[], bytes]] = [
        lambda: text.replace(b"64", rng.choice((b"1e999", b"-1e999", b"NaN", b"Infinity", b"6" * 5000, b"6.4e1"))),
        lambda: b"[" * DEEP + b"]" * DEEP,
        lambda: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        lambda: text[:-1] + b',"a":' + b'{"a":' * deep + b"64" + b"}" * deep + b"}",
        lambda: text[:-1] + b',"a":' + b"[" * deep + b"64" + b"]" * deep + b"}",
        lambda: b"[" + b"[]," * MANY + b"1]",
        lambda: b"{" + b",".join(b'"k%d":1' % number for number in range(MANY // 8)) + b"}",
        lambda: text[:-1] + b"," + text[1:],
        lambda: b"\xef\xbb\xbf" + text,
        lambda: text.decode().encode("utf-16"),
        lambda: text.replace(b'"', b"'"),
        lambda: b'{"a":"' + "\U0001f600".encode() * (LONG // 4) + b'"}',
        lambda: bytes_of(text, rng),
    ]
    return rng.choice(ways)()


def safetensors(data: bytes, rng: random.Random) -> bytes:
    """Break the header of a safetensors file, or what it says of the data."""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    way = rng.randrange(7)
    if way == 0:
        return bytes_of(data, rng)
    if way == 1:
        return rng.choice((0, 1, 2**31, 2**63, 2**64 - 1, 100_000_000)).to_bytes(8, "little") + data[8:]
    if way == 2:
        name = rng.choice((*NAMES, "wpe.weight" * 9999, "a b " * 9999, *LOOK_ALIKES))
        shape = rng.choice(([0, 8], [0], [0, 0], [1, 0, 8], [2, 1, 0, 3], [0] * 32))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}
        if rng.random() < 0.5:
            end = max(entry["data_offsets"][1] for entry in header.values() if "data_offsets" in entry)
            name = rng.choice(LOOK_ALIKES)
            header[name] = {"dtype": "U8", "shape": [], "data_offsets": [end, end + 1]}
            body += b"1"
    elif way == 3:
        entry = {"dtype": "F32", "shape": [0, 8], "data_offsets": [0, 0]}
        header.update(
            {f"layers.{number}.position_embeddings.weight": entry for number in range(rng.choice((50, 5000)))}
        )
    elif way == 4:
        return _packed(json_text(header, rng), body)
    else:
        for _ in range(rng.randrange(1, 4)):
            header = json_value(header, rng)
    return _packed(json.dumps(header).encode(), body)


def _packed(header: bytes, body: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header + body


BOMBS: tuple[Callable[[], bytes], ...] = (
    lambda: b"(" * MANY * 10,
    lambda: b"]" * MANY * 4 + b"a" * MANY,
    lambda: b"]q\0" + b"(h\0h\0e" * MANY,
    lambda: b")" + b"2\x86" * 5000 + b"}" + b"2\x86s",
    lambda: b")" + b"\x85" * MANY + b"N}s",
    lambda: b"}q\0(" + b"X\1\0\0\0ah\0" * MANY + b"u",
    lambda: b"]r\xff\xff\xff\xff",
    lambda: b"X\xff\xff\xff\x7f",
    lambda: b"\x8d" + struct.pack("<Q", 1 << 60),
    lambda: b"\x8b\xff\xff\xff\x7f",
    lambda: b"I" + b"9" * LONG + b"\n",
    lambda: b"cos\nsystem\n(S'touch /tmp/posembed-ran'\ntR",
    lambda: b"cbuiltins\neval\n(S'1'\ntR",
    lambda: b"c" + b"m" * LONG + b"\nn\n",
    lambda: b"X\x04\0\0\0" + "\U0001f600".encode() + ("\U0001f600" * LONG).encode(),
)


def pickled(data: bytes, rng: random.Random) -> bytes:
    """Break a pickle between two operations: repeat, drop, swap, or put a bomb there."""
    try:
        places = [place for _, _, place in pickletools.genops(data)]
    except Exception:  # whatever pickletools raises for a pickle that is broken already
        return bytes_of(data, rng)
    end = len(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(places))
        start, stop = places[at], places[at + 1] if at + 1 < len(places) else end
        way = rng.randrange(6)
        if way == 0:
            return data[:start] + data[stop:]
        if way == 1:
            return data[:start] + data[start:stop] * rng.choice((2, 3, 1000)) + data[stop:]
        if way == 2:
            return data[:start] + rng.choice(BOMBS)() + data[start:]
        if way == 3:
            return data[:start] + rng.choice(_NUMBERS) + data[stop:]
        if way == 4:
            other = rng.randrange(len(places) - 1)
            return data[:start] + data[places[other] : places[other + 1]] + data[start:]
    return bytes_of(data, rng)


_NUMBERS = (
    *(b"K\0", b"K\xff", b"M\xff\xff", b"J\xff\xff\xff\x7f", b"J\xff\xff\xff\xff", b"N", b")", b"]", b"}", b"\x88"),
    *(b"\x8a\x08" + b"\xff" * 7 + b"\x7f", b"X\1\0\0\0a", b"G\x7f\xf0\0\0\0\0\0\0", b"\x8a\xff" + b"\x7f" * 255),
)


def archive(data: bytes, rng: random.Random) -> bytes:
    """Break a zip archive: its pickle, its records, or its directory."""
    way = rng.randrange(6)
    if way == 0:
        return bytes_of(data, rng)
    if way == 1:  # the directory and the end
        start = data.rindex(b"PK\x05\x06")
        start = struct.unpack_from("<L", data, start + 16)[0] if rng.random() < 0.8 else start
        return data[:start] + bytes_of(data[start:], rng)
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        records = {info.filename: old.read(info) for info in old.infolist()}
    method = zipfile.ZIP_STORED
    for name in list(records):
        if name.endswith("data.pkl"):
            records[name] = pickled(records[name], rng)
    if way == 2:
        name = rng.choice(list(records))
        records[name] = bytes_of(records[name], rng)
    elif way == 3:
        del records[rng.choice(list(records))]
    elif way == 4:
        method = zipfile.ZIP_DEFLATED
        records[rng.choice(list(records))] = b"(" * 50_000_000 if rng.random() < 0.2 else b"\0" * 1_000_000
    elif rng.random() < 0.1:
        records |= {f"archive/data/x{number}": b"" for number in range(60_000)}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as new:
        for name, content in records.items():
            new.writestr(name, content)
    return stream.getvalue()


def pickled_file(data: bytes, rng: random.Random) -> bytes:
    """Break a file of before torch 1.6: several pickles behind each other, then the numbers."""
    stream = io.BytesIO(data)
    parts = []
    for _ in range(5):
        start = stream.tell()
        for _ in pickletools.genops(stream):
            pass
        parts.append(data[start : stream.tell()])
    rest = data[stream.tell() :]
    way = rng.randrange(4)
    if way == 0:
        return bytes_of(data, rng)
    if way == 1:
        return b"".join(parts) + bytes_of(rest, rng)
    at = rng.choice((0, 1, 2, 3, 3, 3, 3, 4))
    parts[at] = pickled(parts[at], rng)
    return b"".join(parts) + rest
