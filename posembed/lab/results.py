"""From the units' result files to ``results.json`` (documented in docs/formats/results.md)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from posembed.statistics import mean_interval
from posembed.windows import Floats

SCHEMA, SCHEMA_VERSION = "posembed.compare", 1
Unit = dict[str, Any]


def build_arm(encoding: str, units: Sequence[Unit], failures: dict[str, str]) -> dict[str, Any]:
    """Everything measured of one encoding, over its seeds."""
    finished = [unit for unit in units if unit["status"] == "finished"]
    messages = [f"seed {u['configuration']['seed']}: {u['message']}" for u in units if u["status"] != "finished"]
    messages += [f"{name}: {why}" for name, why in failures.items()]
    arm: dict[str, Any] = {
        "encoding": encoding,
        "status": "finished" if finished and not messages else ("incomplete" if finished else "failed"),
        "messages": messages,
        "seeds": [unit["configuration"]["seed"] for unit in finished],
        "cost": units[0]["cost"] if units else None,
        "parameters": units[0]["parameters"] if units else None,
        "quality": None,
        "per_position": None,
        "beyond": [],
        "flexibility": None,
        "speed": None,
        "curves": [{"seed": unit["configuration"]["seed"], "points": unit["curve"]} for unit in units],
    }
    if not finished:
        return arm
    arm["quality"] = with_perplexity(mean_interval(_matrix(unit["in_range"]["documents"] for unit in finished)))
    arm["per_position"] = _mean_per_position([unit["in_range"]["per_position"] for unit in finished])
    arm["beyond"] = [_beyond(entries) for entries in zip(*(unit["beyond"] for unit in finished), strict=True)]
    if finished[0]["flexibility"] is not None:
        arm["flexibility"] = {
            name: _mean([unit["flexibility"][name] for unit in finished]) for name in finished[0]["flexibility"]
        }
    arm["speed"] = {
        name: _mean([unit["speed"][name] for unit in finished]) for name in ("seconds", "tokens_per_second")
    }
    return arm


def build_difference(first: str, second: str, units: dict[str, list[Unit]]) -> dict[str, Any] | None:
    """``first − second`` in nats, paired by seed and document; ``None`` without a common finished seed."""
    losses = {
        name: {u["configuration"]["seed"]: u["in_range"]["documents"] for u in units[name] if u["status"] == "finished"}
        for name in (first, second)
    }
    seeds = sorted(set(losses[first]) & set(losses[second]))
    if not seeds:
        return None
    a, b = (_matrix(losses[name][seed] for seed in seeds) for name in (first, second))
    interval = mean_interval(a - b)
    return {"first": first, "second": second} | interval | {"verdict": verdict(first, second, interval)}


def verdict(first: str, second: str, interval: dict[str, Any]) -> str:
    """The difference in one plain sentence.

    Example:
        >>> verdict("learned", "sinusoidal", mean_interval([[0.01, -0.02, 0.02, -0.03]]))
        'learned − sinusoidal = −0.005 ± 0.038 nats: no difference that this run can show'
    """
    mean, low, high = interval["mean"], interval["low"], interval["high"]
    if mean is None or low is None:
        return f"{first} − {second}: too few documents for an interval; this run shows nothing"
    half = (high - low) / 2
    digits = 3 if half >= 0.0005 or half == 0 else 6
    signed = f"{mean:.{digits}f}".replace("-", "−")
    text = f"{first} − {second} = {signed} ± {half:.{digits}f} nats"
    if low <= 0 <= high:
        return f"{text}: no difference that this run can show"
    better, worse = (first, second) if mean < 0 else (second, first)
    return f"{text}: {better} is better than {worse} here"


def with_perplexity(interval: dict[str, Any]) -> dict[str, Any]:
    """Add perplexity ``exp(loss)``, with its interval, and bits a token ``loss / ln 2``."""
    bounds = {
        f"perplexity{suffix}": _exp(interval[name])
        for name, suffix in (("mean", ""), ("low", "_low"), ("high", "_high"))
    }
    bits = None if interval["mean"] is None else interval["mean"] / math.log(2)
    return interval | bounds | {"bits_per_token": bits}


def _exp(value: float | None) -> float | None:
    return None if value is None or value > 700 else math.exp(value)


def _beyond(entries: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """One factor and method over the seeds."""
    merged: dict[str, Any] = {name: entries[0][name] for name in ("factor", "length", "method")}
    merged["message"] = entries[0].get("message")
    for ours, theirs in (("loss", "documents"), ("loss_beyond", "documents_beyond")):
        present = all(theirs in entry for entry in entries)
        merged[ours] = mean_interval(_matrix(entry[theirs] for entry in entries)) if present else None
    positions = [entry["per_position"] for entry in entries if "per_position" in entry]
    merged["per_position"] = _mean_lists(positions) if positions else None
    return merged


def _matrix(rows: Iterable[Sequence[float | None]]) -> Floats:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64)


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return float(np.mean(present)) if present else None


def _mean_lists(lists: Sequence[Sequence[float | None]]) -> list[float | None]:
    return [_mean(values) for values in zip(*lists, strict=True)]


def _mean_per_position(parts: Sequence[dict[str, list[float | None]]]) -> dict[str, list[float | None]]:
    """Mean over seeds; the standard error over documents is that of one seed on average, so it flatters nothing."""
    return {name: _mean_lists([part[name] for part in parts]) for name in ("mean", "standard_error")}
