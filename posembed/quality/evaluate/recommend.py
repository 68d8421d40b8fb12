"""Which system to use for a task: the cheapest of those that are not significantly worse than the best."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.ranking import Cell
from posembed.quality.evaluate.systems import CHECKPOINT, TRUNCATED
from posembed.records.embedding_results import Budget, PooledComparison, Recommendation, Scope
from posembed.records.interval import DocumentInterval
from posembed.statistics import SIGNIFICANCE, bootstrap_interval, corrected_interval, holm, paired_test


@dataclass(frozen=True)
class Pooled:
    """One system in one task over all lengths of a scope.

    Attributes:
        name: of the system.
        values: fraction ranked first of each document, or of each query about made ones, over the lengths at which
            it is asked for, ``[clusters]``.
        vectors: vectors per document, ``None`` where there are none.
        tokens: tokens that a Transformer reads per document.
    """

    name: str
    values: NDArray[np.float64]
    vectors: float | None
    tokens: float

    @property
    def budget(self) -> Budget:
        """Return how many vectors an index stores; ``"any"`` where none."""
        if self.vectors is None:
            return "any"
        return "one vector" if self.vectors <= 1 else "several vectors"

    @property
    def mean(self) -> float:
        """Fraction of queries whose document ranked first; each cluster weighs the same."""
        return float(self.values.mean())


@dataclass(frozen=True)
class Contest:
    """All systems in one task over all lengths of a scope.

    Attributes:
        task: the task.
        scope: documents longer than the original takes, or those that it takes.
        lengths: the lengths.
        systems: by name, in the order of results.
    """

    task: str
    scope: Scope
    lengths: tuple[int, ...]
    systems: Mapping[str, Pooled]

    def best(self, names: Iterable[str]) -> str:
        """Return the system with the highest fraction; of equal ones, the cheapest."""
        return min(names, key=lambda name: (-self.systems[name].mean, *self.cost(name)))

    def cost(self, name: str) -> tuple[float, float]:
        """Return vectors per document, then tokens read per document: what decides between systems that are tied."""
        system = self.systems[name]
        return (system.vectors or 0.0, system.tokens)

    def of_budget(self, budget: Budget) -> list[str]:
        """Return the systems of a budget."""
        return [name for name, system in self.systems.items() if system.budget == budget]

    def champions(self) -> list[str]:
        """Return the best system with one vector, with several, and without any."""
        budgets: tuple[Budget, ...] = ("one vector", "several vectors", "any")
        return [self.best(names) for budget in budgets if (names := self.of_budget(budget))]

    def pairs(self) -> list[tuple[str, str]]:
        """Return the comparisons to make: the best of each budget with the others of it, and with each other.

        Documents that the original takes need no recommendation: there the checkpoint must not lose, and no more.
        """
        pairs = [(CHECKPOINT, TRUNCATED)] if {CHECKPOINT, TRUNCATED} <= set(self.systems) else []
        if self.scope == "longer":
            champions = self.champions()
            for champion in champions:
                others = self.of_budget(self.systems[champion].budget)
                pairs += [(champion, name) for name in others if name != champion]
            best = self.best(champions)
            pairs += [(best, name) for name in champions if name != best]
        return list(dict.fromkeys(pairs))


def contests(cells: Sequence[Cell], original_usable: int) -> list[Contest]:
    """Return the contests of every task: documents longer than the original takes, then those that it takes.

    Lengths at which the checkpoint was not measured are left out where it was measured at others. A system takes part
    if it was measured at each of the lengths, and did not do the same as a simpler one at all of them.

    Args:
        cells: of all tasks, lengths and systems.
        original_usable: longest input of the original in tokens.
    """
    found = []
    scopes: tuple[Scope, ...] = ("longer", "native")
    for task in dict.fromkeys(cell.task for cell in cells):
        for scope in scopes:
            own = [
                cell for cell in cells if cell.task == task and (cell.length > original_usable) == (scope == "longer")
            ]
            by_checkpoint = {cell.length for cell in own if cell.system == CHECKPOINT}
            lengths = tuple(sorted(by_checkpoint or {cell.length for cell in own}))
            systems = {}
            for name in dict.fromkeys(cell.system for cell in own):
                parts = {cell.length: cell for cell in own if cell.system == name and cell.length in lengths}
                if len(parts) == len(lengths) and any(cell.same_as is None for cell in parts.values()):
                    systems[name] = _pooled([parts[length] for length in lengths])
            if systems:
                found.append(Contest(task, scope, lengths, systems))
    return found


def _pooled(cells: Sequence[Cell]) -> Pooled:
    """Return one system's outcomes; a document that is asked for at several lengths counts once, with its mean.

    Its outcomes are alike, whatever the queries are: counted as several, they would make intervals too narrow.
    """
    asked = [each for cell in cells for each in (cell.clusters or range(len(cell.hits)))]
    numbers: dict[object, int] = {}
    place = np.array([numbers.setdefault(query, len(numbers)) for query in asked])
    outcomes = np.concatenate([cell.hits for cell in cells]).astype(np.float64)
    values = np.bincount(place, weights=outcomes) / np.bincount(place)
    vectors = [cell.cost.vectors for cell in cells if cell.cost.vectors is not None]
    return Pooled(
        cells[0].system,
        values,
        float(np.mean(vectors)) if vectors else None,
        float(np.mean([cell.cost.tokens for cell in cells])),
    )


def compare_pooled(found: Sequence[Contest]) -> tuple[PooledComparison, ...]:
    """Make all comparisons of all contests; intervals and p-values are corrected for their number."""
    pairs = [(contest, first, second) for contest in found for first, second in contest.pairs()]
    made = []
    for contest, first, second in pairs:
        values = contest.systems[first].values, contest.systems[second].values
        bounds = corrected_interval(values[0] - values[1], len(pairs))
        p_value = paired_test(*values)
        made.append(
            PooledComparison(
                contest.task, contest.scope, contest.lengths, first, second, **bounds, p=p_value, p_holm=1.0
            )
        )
    adjusted = holm([each.p for each in made])
    return tuple(replace(each, p_holm=p_holm) for each, p_holm in zip(made, adjusted, strict=True))


def recommend(found: Sequence[Contest], compared: Sequence[PooledComparison]) -> tuple[Recommendation, ...]:
    """Return the system to use for each task with documents longer than the original takes, by budget.

    First without regard to vectors (``"any"``), then with one vector per document, then with several.

    Args:
        found: from :func:`contests`.
        compared: from :func:`compare_pooled`.
    """
    made = []
    for contest in found:
        if contest.scope != "longer":
            continue
        worse = {
            (each.first, each.second)
            for each in compared
            if (each.task, each.scope) == (contest.task, contest.scope) and each.p_holm < SIGNIFICANCE and each.mean > 0
        }
        champions = contest.champions()
        by_budget = {
            contest.systems[name].budget: _recommendation(contest, contest.systems[name].budget, name, worse)
            for name in champions
        }
        best = contest.best(champions)
        rivals = [name for name in champions if name == best or (best, name) not in worse]
        cheapest = min(
            (by_budget[contest.systems[name].budget].system for name in rivals), key=lambda name: contest.cost(name)
        )
        ties = tuple(name for name in rivals if contest.systems[name].budget != contest.systems[cheapest].budget)
        made.append(_of(contest, "any", cheapest, best, ties))
        made += [each for budget, each in by_budget.items() if budget != "any"]
    return tuple(made)


def _recommendation(contest: Contest, budget: Budget, best: str, worse: set[tuple[str, str]]) -> Recommendation:
    as_good = [name for name in contest.of_budget(budget) if name == best or (best, name) not in worse]
    as_good.sort(key=contest.cost)
    return _of(contest, budget, as_good[0], best, tuple(as_good[1:]))


def _of(contest: Contest, budget: Budget, name: str, best: str, ties: tuple[str, ...]) -> Recommendation:
    system = contest.systems[name]
    accuracy = DocumentInterval(**bootstrap_interval(system.values))
    return Recommendation(
        contest.task, contest.scope, contest.lengths, budget, name, accuracy, system.vectors, best, ties
    )
