"""Merge the seeds of one encoding (an arm), and compare two encodings, paired by seed and document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from posembed.lab.unit_result import UnitBeyond, UnitResult, Values
from posembed.records.comparison import Arm, Beyond, Curve, Difference, Flexibility, PositionLosses, Speed
from posembed.records.interval import Interval, Quality
from posembed.statistics import mean_interval
from posembed.windows import Floats

_FINEST_OF_THREE_DIGITS = 0.0005  # a half width below it would be written 0.000; six digits show it


def build_arm(encoding: str, units: Sequence[UnitResult], failures: Mapping[str, str]) -> Arm:
    """Return everything measured of one encoding, over its seeds.

    Args:
        encoding: its name.
        units: results of its seeds, those that did not finish included.
        failures: names of units without a result, each with the reason.
    """
    finished = [unit for unit in units if unit.finished]
    messages = [f"seed {unit.configuration.seed}: {unit.message}" for unit in units if not unit.finished]
    messages += [f"{name}: {why}" for name, why in failures.items()]
    arm = Arm(
        encoding=encoding,
        status="finished" if finished and not messages else ("incomplete" if finished else "failed"),
        messages=tuple(messages),
        seeds=tuple(unit.configuration.seed for unit in finished),
        cost=units[0].cost if units else None,
        parameters=units[0].parameters if units else None,
        quality=None,
        per_position=None,
        beyond=(),
        flexibility=None,
        speed=None,
        curves=tuple(Curve(unit.configuration.seed, unit.curve) for unit in units),
    )
    if not finished:
        return arm
    losses = [unit.in_range for unit in finished if unit.in_range is not None]
    tables = [unit.flexibility for unit in finished if unit.flexibility is not None]
    return dataclasses.replace(
        arm,
        quality=Quality.of(mean_interval(_matrix(each.documents for each in losses))),
        per_position=_mean_per_position([each.per_position for each in losses]),
        beyond=tuple(_beyond(entries) for entries in zip(*(unit.beyond for unit in finished), strict=True)),
        flexibility=_mean_flexibility(tables) if tables else None,
        speed=Speed(
            seconds=float(np.mean([unit.speed.seconds for unit in finished])),
            tokens_per_second=_mean([unit.speed.tokens_per_second for unit in finished]),
        ),
    )


def build_difference(first: str, second: str, units: Mapping[str, Sequence[UnitResult]]) -> Difference | None:
    """Return ``first − second`` in nats, paired by seed and document; ``None`` without a common finished seed."""
    losses = {
        name: {unit.configuration.seed: unit.in_range.documents for unit in units[name] if unit.in_range is not None}
        for name in (first, second)
    }
    seeds = sorted(set(losses[first]) & set(losses[second]))
    if not seeds:
        return None
    a, b = (_matrix(losses[name][seed] for seed in seeds) for name in (first, second))
    interval = Interval(**mean_interval(a - b))
    return Difference(
        first,
        second,
        interval.mean,
        interval.low,
        interval.high,
        interval.documents,
        interval.seeds,
        verdict(first, second, interval),
    )


def verdict(first: str, second: str, difference: Interval) -> str:
    """Return the difference in one plain sentence.

    Example:
        >>> verdict("learned", "sinusoidal", Interval(**mean_interval([[0.01, -0.02, 0.02, -0.03]])))
        'learned − sinusoidal = −0.005 ± 0.038 nats: no significant difference'
    """
    mean, low, high, half = difference.mean, difference.low, difference.high, difference.half_width
    if mean is None or low is None or high is None or half is None:
        return f"{first} − {second}: too few documents for an interval; nothing can be concluded"
    digits = 3 if half >= _FINEST_OF_THREE_DIGITS or half == 0 else 6
    signed = f"{mean:.{digits}f}".replace("-", "−")
    text = f"{first} − {second} = {signed} ± {half:.{digits}f} nats"
    if low <= 0 <= high:
        return f"{text}: no significant difference"
    better, worse = (first, second) if mean < 0 else (second, first)
    return f"{text}: {better} is better than {worse} here"


def _beyond(entries: Sequence[UnitBeyond]) -> Beyond:
    """Merge one factor and method over the seeds."""
    first = entries[0]
    positions = [entry.per_position for entry in entries if entry.per_position is not None]
    return Beyond(
        factor=first.factor,
        length=first.length,
        method=first.method,
        message=first.message,
        loss=_over_seeds([entry.documents for entry in entries]),
        loss_beyond=_over_seeds([entry.documents_beyond for entry in entries]),
        per_position=_mean_lists(positions) if positions else None,
    )


def _over_seeds(documents: Sequence[Values | None]) -> Interval | None:
    """Return the interval over seeds and documents, ``None`` where a seed measured nothing."""
    present = [values for values in documents if values is not None]
    return Interval(**mean_interval(_matrix(present))) if len(present) == len(documents) else None


def _matrix(rows: Iterable[Sequence[float | None]]) -> Floats:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], dtype=np.float64)


def _mean(values: Sequence[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return float(np.mean(present)) if present else None


def _mean_lists(lists: Sequence[Values]) -> Values:
    return tuple(_mean(values) for values in zip(*lists, strict=True))


def _mean_flexibility(tables: Sequence[Flexibility]) -> Flexibility:
    names = (each.name for each in dataclasses.fields(Flexibility))
    return Flexibility.from_dict({name: _mean([getattr(table, name) for table in tables]) for name in names})


def _mean_per_position(parts: Sequence[PositionLosses]) -> PositionLosses:
    """Return means over seeds; the standard error over documents is the mean of the seeds', not divided by √seeds."""
    return PositionLosses(
        mean=_mean_lists([part.mean for part in parts]),
        standard_error=_mean_lists([part.standard_error for part in parts]),
    )
