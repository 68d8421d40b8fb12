"""The study's tables, as the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fine_tuning import classification, lab, retrieval
from benchmarks.fine_tuning.starts import ROWS
from benchmarks.pages import interval, load, print_table
from benchmarks.real_texts.__main__ import KEPT as REAL_TEXTS
from posembed.statistics import bootstrap_interval, difference, mean_interval

KEPT = Path(__file__).parents[2] / "docs" / "measured" / "fine-tuning.json"
# Systems of the study of real texts, and what the page calls them.
_SYSTEMS = {
    "BM25": "BM25",
    "cut to 256": "cut to 256",
    "mean of 126-token chunks": "mean of 126-token chunks",
    "that mean + 0.5 × the first 254": "that mean + half of the first 254 tokens' vector",
    "best chunk": "best chunk (9 vectors)",
}
Values = NDArray[np.float64]
"""Outcomes ``[documents]``, or ``[seeds, documents]``."""
Curves = Mapping[str, Mapping[int, Values]]
"""Outcomes by start and step."""


def curves(kept: Mapping[str, Any], study: str, task: str, order: Sequence[str] = ()) -> Curves:
    """Return the outcomes of one task, those of the starts in ``order`` first."""
    found = kept.get(study, {})
    return {
        start: {int(step): unpacked(outcomes[task]) for step, outcomes in found[start].items()}
        for start in dict.fromkeys([*(name for name in order if name in found), *found])
    }


def unpacked(values: str | Sequence[float]) -> Values:
    """Return what was kept as numbers.

    Example:
        >>> unpacked("01").tolist(), unpacked([0.5]).tolist()
        ([0.0, 1.0], [0.5])
    """
    return np.array([float(value) for value in values])


def of_seeds(each: Sequence[Curves]) -> Curves:
    """Return the outcomes of several seeds together, where all of them have some."""
    return {
        start: {
            step: np.stack([one[start][step] for one in each]) for step in each[0][start] if _in_all(each, start, step)
        }
        for start in each[0]
    }


def _in_all(each: Sequence[Curves], start: str, step: int) -> bool:
    return all(step in one.get(start, {}) for one in each)


def less(first: Values, second: Values) -> dict[str, float]:
    """Return the mean of the paired differences, with its 95 % interval."""
    found: Any = mean_interval(first - second) if first.ndim > 1 else difference(first, second)
    return {name: found[name] for name in ("mean", "low", "high")}


def best(every: Sequence[Curves], among: Sequence[str], *, lowest: bool = False) -> str:
    """Return the start whose mean over all tasks is best at the last step that all of them have."""
    among = [start for start in among if all(start in each for each in every)]
    last = max(set.intersection(*(set(each[start]) for each in every for start in among)))
    means = {start: float(np.mean([each[start][last].mean() for each in every])) for start in among}
    return (min if lowest else max)(means, key=lambda start: means[start])


def settled(each: Curves, start: str, reference: str) -> int | None:
    """Return the first step from which on a start is not shown to differ from another; ``None`` if there is none."""
    found = None
    for step in sorted(set(each[start]) & set(each[reference]), reverse=True):
        outcome = less(each[start][step], each[reference][step])
        if not outcome["low"] <= 0 <= outcome["high"]:
            break
        found = step
    return found


def print_means(title: str, each: Curves) -> None:
    """Print the mean of every start at every step, with its interval where there is one seed."""
    steps = _steps(each)
    rows = [[start, *(_mean(found.get(step)) for step in steps)] for start, found in each.items()]
    print_table([title, *_names(steps)], rows)


def print_differences(title: str, each: Curves, reference: str) -> None:
    """Print how every start differs from one of them at the same step."""
    steps = _steps(each)
    rows = [
        [start, *(_difference(found.get(step), each[reference].get(step)) for step in steps)]
        for start, found in each.items()
        if start != reference
    ]
    print_table([f"{title}, less “{reference}”", *_names(steps)], rows)


def _steps(each: Curves) -> list[int]:
    return sorted({step for found in each.values() for step in found})


def _names(steps: Sequence[int]) -> list[str]:
    return [f"{step} steps" if number == 0 else str(step) for number, step in enumerate(steps)]


def _mean(values: Values | None) -> str:
    if values is None:
        return "–"
    found: Any = mean_interval(values) if values.ndim > 1 else bootstrap_interval(values)
    return interval(found)


def _difference(first: Values | None, second: Values | None) -> str:
    return "–" if first is None or second is None else interval(less(first, second), sign=True)


def print_settled(each: Mapping[str, Curves], reference: str) -> None:
    """Print from which step on each start is not shown to differ from the best one."""
    starts = [start for start, found in next(iter(each.values())).items() if start != reference and len(found) > 1]
    rows = []
    for start in starts:
        steps = [settled(found, start, reference) for found in each.values()]
        rows.append([start, *("never" if step is None else str(step) for step in steps)])
    print_table([f"not shown to differ from “{reference}” from step", *each], rows)


def print_tables(kept: Mapping[str, Any]) -> None:
    """Print all tables in Markdown."""
    if retrieval.NAME in kept:
        _print_retrieval(kept)
    if classification.NAME in kept:
        _print_classification(kept)
    if lab.name_of(lab.SEEDS[0]) in kept:
        _print_lab(kept)


def _print_retrieval(kept: Mapping[str, Any]) -> None:
    order = [start.name for start in retrieval.STARTS]
    tasks = {task: curves(kept, retrieval.NAME, task, order) for task in (*retrieval.TASKS, retrieval.SHORT)}
    long = [start.name for start in retrieval.STARTS if start is not retrieval.CUT]
    winner = best([tasks[task] for task in retrieval.TASKS], long)
    for task in retrieval.TASKS:
        print_means(task, tasks[task])
        print_differences(task, tasks[task], retrieval.CUT.name)
        print_differences(task, tasks[task], winner)
    print_settled({task: tasks[task] for task in retrieval.TASKS}, winner)
    print_means(retrieval.SHORT, tasks[retrieval.SHORT])
    _print_systems(kept)
    if "rates" in kept:
        _print_rates(kept["rates"])


def _print_rates(rates: Mapping[str, Any]) -> None:
    losses = {rate: steps[str(retrieval.RATE_STEPS)]["loss"][0] for rate, steps in rates.items()}
    print_table(["learning rate", "validation loss"], [[rate, f"{loss:.3f}"] for rate, loss in losses.items()])


def _print_systems(kept: Mapping[str, Any]) -> None:
    """Print what needs no longer table: as shipped, as measured with real texts, and fine-tuned on cut documents."""
    hits = load(REAL_TEXTS)["hits"]
    shipped = {task: hits[f"tools, {task}, {ROWS}"] for task in retrieval.TASKS}
    rows = [
        [name, *(_mean(unpacked(shipped[task][system])) for task in retrieval.TASKS)]
        for system, name in _SYSTEMS.items()
    ]
    for step, outcomes in kept.get(retrieval.BASELINES, {}).get(retrieval.CUT.name, {}).items():
        for system, name in _SYSTEMS.items():
            values = [outcomes[f"{task}: {system}"] for task in retrieval.TASKS]
            if system != "BM25":
                rows.append([f"{name}, fine-tuned for {step} steps", *(_mean(unpacked(each)) for each in values)])
    print_table(["system", *retrieval.TASKS], rows)


def _print_classification(kept: Mapping[str, Any]) -> None:
    order = [start.name for start in classification.STARTS]
    each = curves(kept, classification.NAME, classification.TASK, order)
    long = [start.name for start in classification.STARTS if start.reads > classification.CUT.reads]
    winner = best([each], long)
    print_means("right", each)
    print_differences("right", each, winner)
    words = curves(kept, classification.BASELINES, classification.TASK)
    print_table(["logistic regression", "right"], [[name, _mean(found[0])] for name, found in words.items()])


def _print_lab(kept: Mapping[str, Any]) -> None:
    seeds = [curves(kept, lab.name_of(seed), lab.TASK) for seed in lab.SEEDS if lab.name_of(seed) in kept]
    each = of_seeds(seeds)
    blocks = next(iter(lab.STARTS))
    winner = best([each], [start for start in lab.STARTS if start != blocks], lowest=True)
    print_means("loss", each)
    print_differences("loss", each, blocks)
    print_differences("loss", each, winner)
