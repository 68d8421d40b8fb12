"""Check that copied tensors of a rewritten file are byte-identical."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from posembed.checkpoint.copying import Progress, opened, read_some
from posembed.checkpoint.formats.safetensors.header import Header, TensorEntry
from posembed.errors import CheckpointError

_WHOLE = 4 << 20  # bytes compared at a time when everything is
_EDGE = 4 << 10  # first and last bytes of every tensor: if it was shifted, these differ
_SAMPLE = 64 << 10


@dataclass(frozen=True, slots=True)
class _Span:
    key: str
    offset: int  # within the tensor
    count: int


def compare_copied(
    old_header: Header,
    new_header: Header,
    *,
    full: bool,
    replaced: Collection[str],
    dropped: Collection[str] = (),
    metadata: Mapping[str, str] | None = None,
    samples: int = 64,
    seed: int = 0,
    progress: Progress | None = None,
) -> None:
    """Compare the tensors that a rewrite copied with those of the old file.

    Names, dtypes, shapes and metadata are always compared. Of the values, the first and last 4 KiB of every tensor and
    ``samples`` random spans of 64 KiB are compared, or every byte if ``full`` is true.

    Args:
        old_header: header of the file that was read.
        new_header: header of the file that was written, read back from the disk.
        full: compare every byte.
        replaced: names of tensors that changed; their values are not compared.
        dropped: names of tensors that were left out.
        metadata: expected metadata of the new file; by default the old file's.
        samples: number of random spans; longer tensors are drawn more often.
        seed: random seed of the spans.
        progress: called with the number of bytes compared since the last call.

    Raises:
        CheckpointError: naming the tensor and the file, if anything differs.
    """
    _compare_headers(old_header, new_header, replaced, dropped, metadata)
    stayed = {key: entry for key, entry in old_header.tensors.items() if key not in {*replaced, *dropped}}
    spans = _whole_spans(stayed) if full else _sampled_spans(stayed, samples, seed)
    with opened(old_header.path) as old, opened(new_header.path) as new:
        for span in spans:
            there = old_header.data_start + stayed[span.key].begin + span.offset
            here = new_header.data_start + new_header.tensors[span.key].begin + span.offset
            before, after = _bytes_at(old, there, span.count), _bytes_at(new, here, span.count)
            if before != after:
                if len(before) < span.count:
                    raise CheckpointError(
                        f"{old_header.path} was truncated while being compared: wait until nothing writes to it, "
                        "then start again"
                    )
                at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(after))
                raise CheckpointError(
                    f"{new_header.path}: tensor {span.key!r} differs from {old_header.path} at its byte "
                    f"{span.offset + at}, although it was copied: do not use the new file; check the disk and the "
                    "memory of this machine, then write it again"
                )
            if progress is not None:
                progress(span.count)


def _compare_headers(
    old: Header,
    new: Header,
    replaced: Collection[str],
    dropped: Collection[str],
    metadata: Mapping[str, str] | None,
) -> None:
    expected = [key for key in old.tensors if key not in dropped]
    if missing := [key for key in expected if key not in new.tensors]:
        raise CheckpointError(f"{new.path} lacks tensor {missing[0]!r} of {old.path}: write it again")
    if surplus := [key for key in new.tensors if key not in old.tensors or key in dropped]:
        raise CheckpointError(f"{new.path} has tensor {surplus[0]!r}, which it should not have: write it again")
    for key in expected:
        before, after = old.tensors[key], new.tensors[key]
        if key not in replaced and (before.dtype, before.shape) != (after.dtype, after.shape):
            raise CheckpointError(
                f"{new.path}: tensor {key!r} is {after.dtype} {list(after.shape)}, but {before.dtype} "
                f"{list(before.shape)} in {old.path}: write it again"
            )
    if new.metadata != dict(old.metadata if metadata is None else metadata):
        raise CheckpointError(f"{new.path} has unexpected metadata: write it again")


def _whole_spans(tensors: Mapping[str, TensorEntry]) -> Iterator[_Span]:
    for key, entry in tensors.items():
        for offset in range(0, entry.nbytes, _WHOLE):
            yield _Span(key, offset, min(_WHOLE, entry.nbytes - offset))


def _sampled_spans(tensors: Mapping[str, TensorEntry], samples: int, seed: int) -> Iterator[_Span]:
    filled = {key: entry for key, entry in tensors.items() if entry.nbytes}
    for key, entry in filled.items():
        yield _Span(key, 0, min(_EDGE, entry.nbytes))
        if entry.nbytes > _EDGE:
            yield _Span(key, max(entry.nbytes - _EDGE, _EDGE), min(_EDGE, entry.nbytes - _EDGE))
    generator = random.Random(seed)
    sizes = [entry.nbytes for entry in filled.values()]
    for key in generator.choices(list(filled), weights=sizes, k=samples) if filled else ():
        offset = generator.randrange(max(filled[key].nbytes - _SAMPLE, 0) + 1)
        yield _Span(key, offset, min(_SAMPLE, filled[key].nbytes - offset))


def _bytes_at(descriptor: int, offset: int, count: int) -> bytes:
    """Read ``count`` bytes, fewer only at the end of the file."""
    found, done = bytearray(count), 0
    while done < count:
        got = read_some(descriptor, memoryview(found)[done:], offset + done)
        if not got:
            break
        done += got
    return bytes(found[:done])
