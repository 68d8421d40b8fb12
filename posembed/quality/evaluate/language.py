"""Evaluate a language model on long inputs: loss by position, what the longer context gives, and a shuffled control."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError
from posembed.quality.evaluate.paired import bootstrap_interval, difference, holm
from posembed.quality.evaluate.sliding import sliding_losses as sliding_losses
from posembed.quality.models.masked import hide as hide
from posembed.quality.models.scorer import Losses, Scorer
from posembed.quality.tasks.retrieval_set import generator
from posembed.quality.texts import joined

DIRECT, SLIDING = "checkpoint", "sliding window"


def cut_documents(
    texts: Sequence[Sequence[int]], length: int, documents: int, split: str, seed: int, *, one_file: bool = False
) -> NDArray[np.int64]:
    """One window of ``length`` tokens of each document that has so many, ``[documents, length]``.

    With ``one_file`` the documents are pieces of one text: those too short are joined.

    Raises:
        DataError: if fewer than two documents are long enough.
    """
    draw = generator("language", split, length, seed)
    texts = joined(texts, length) if one_file else texts
    long_enough = [text for text in texts if len(text) >= length]
    if len(long_enough) < 2:
        most = (sorted(map(len, texts), reverse=True)[1:2] or [0])[0]
        raise DataError(
            f"{len(long_enough)} of {len(texts)} {split} documents have {length} tokens, at least 2 are needed: give "
            f"longer texts with --data, or --lengths of at most {most}"
        )
    order = draw.permutation(len(long_enough))[:documents]
    rows = []
    for number in order.tolist():
        text = long_enough[number]
        begin = int(draw.integers(len(text) - length + 1))
        rows.append(text[begin : begin + length])
    return np.asarray(rows, dtype=np.int64)


def buckets(window: int, length: int) -> list[tuple[int, int]]:
    """Stretches of positions that double: up to the window's quarter, half, whole, and on.

    Example:
        >>> buckets(8, 20)
        [(0, 2), (2, 4), (4, 8), (8, 16), (16, 20)]
    """
    ends, end = [], max(1, window // 4)
    while end < length:
        ends.append(end)
        end *= 2
    ends.append(length)
    return list(zip([0, *ends[:-1]], ends, strict=True))


def evaluate_language(
    checkpoint: Scorer,
    original: Scorer,
    texts: Sequence[Sequence[int]],
    *,
    lengths: Sequence[int],
    usable: int,
    original_usable: int,
    documents: int,
    one_file: bool = False,
    split: str = "test",
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Losses, context gain and the shuffled control as plain values.

    Args:
        checkpoint: what is judged.
        original: the model before it was extended, which the sliding window runs.
        texts: held-out documents in tokens.
        lengths: of the inputs, in tokens.
        usable: the checkpoint's longest input.
        original_usable: the original's: the sliding window.
        documents: most of each length.
        one_file: the documents are pieces of one text: those too short for a length are joined.
        split: names the draws.
        seed: of every draw.
        tell: is told what is being done.
    """
    cells, gains, controls = [], [], []
    for length in lengths:
        ids = cut_documents(texts, length, documents, split, seed, one_file=one_file)
        draw = generator("masks", split, length, seed)
        chosen = checkpoint.kind.choose(ids.shape, draw)
        tell(f"sliding window at {length} tokens")
        slid = sliding_losses(original, ids, chosen, original_usable)
        cells.append(_cell(SLIDING, original_usable, length, slid))
        if length > usable:
            continue
        tell(f"checkpoint at {length} tokens")
        direct = checkpoint.losses(ids, chosen)
        cells.append(_cell(DIRECT, original_usable, length, direct))
        if length <= original_usable:
            continue
        far = slice(original_usable, length)
        gains.append({"length": length} | _difference(slid[:, far], direct[:, far]))
        tell(f"shuffled control at {length} tokens")
        last = slice(length - original_usable // 2, length)
        beyond = last.start - original_usable  # further back than the old length, from any token that is looked at
        if beyond < 2:
            continue
        mixed = ids.copy()
        for row in mixed:
            row[:beyond] = draw.permutation(row[:beyond])
        only = checkpoint.kind.choose_from(chosen, last.start)
        again = checkpoint.losses(mixed, only)[:, last]
        before = (direct if only is chosen else checkpoint.losses(ids, only))[:, last]
        controls.append({"length": length} | _difference(again, before))
    for entries in (gains, controls):
        for entry, adjusted in zip(entries, holm([entry["p"] for entry in entries]), strict=True):
            entry["p_holm"] = adjusted
    return {"cells": cells, "context_gain": gains, "shuffled": controls}


def _cell(system: str, window: int, length: int, losses: Losses) -> dict[str, Any]:
    per_document = np.nanmean(losses, axis=1)
    found = []
    for begin, end in buckets(window, length):
        part = losses[:, begin:end]
        known = part[np.isfinite(part)]
        found.append({"from": begin, "to": end, "loss": float(known.mean()) if len(known) else None})
    return {
        "length": length,
        "system": system,
        "documents": len(losses),
        "loss": bootstrap_interval(per_document),
        "buckets": found,
    }


def _difference(first: Losses, second: Losses) -> dict[str, Any]:
    """``first − second``, each document's mean over the tokens that both predict."""
    both = np.isfinite(first) & np.isfinite(second)
    rows = [(a[here].mean(), b[here].mean()) for a, b, here in zip(first, second, both, strict=True) if here.any()]
    one, other = np.array(rows).T
    return difference(one, other) | {"documents": len(rows)}


def language_verdict(found: dict[str, Any]) -> list[str]:
    """Plain sentences: whether the longer input is of use, and whether the order of what is far away is."""
    sentences = []
    for entry in found["context_gain"]:
        sure = entry["p_holm"] < 0.05
        word = ("of use" if entry["mean"] > 0 else "worse than none") if sure else "nothing that these documents show"
        sentences.append(
            f"At {entry['length']} tokens the longer input gains {entry['mean']:+.3f} nats a token over a sliding "
            f"window ({entry['low']:+.3f} to {entry['high']:+.3f}), corrected p {entry['p_holm']:.2g}: {word}"
        )
    sentences += [
        f"At {entry['length']} tokens shuffling what is far away costs {entry['mean']:+.3f} nats a token "
        f"({entry['low']:+.3f} to {entry['high']:+.3f}), corrected p {entry['p_holm']:.2g}"
        for entry in found["shuffled"]
    ]
    return sentences or ["No input was longer than the original takes: nothing to compare"]
