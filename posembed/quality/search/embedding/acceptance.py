"""When a longer table is worth writing: better than every other use of one vector, and nowhere clearly worse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from posembed.quality.search.embedding.baselines import Baseline
from posembed.quality.search.embedding.bench import Tried
from posembed.quality.search.embedding.judged import JudgedSet, Outcomes, by_cluster, means
from posembed.records.embedding_results import Scope
from posembed.records.search import ChoiceComparison, SweptCandidate
from posembed.statistics import corrected_interval

# A loss that is given for a gain elsewhere, in the share of queries: hardly anybody sees one in twenty, and some
# hundred queries cannot rule out less.
TOLERANCE = 0.05
OLD_TABLE = "old table"


@dataclass(frozen=True, eq=False)
class Measured:
    """A candidate with its results, by itself or as length-aware tables.

    Attributes:
        tried: the proposal.
        length_aware: whether inputs that the old table has room for read it.
        kept: leading positions whose rows stay unchanged, or the longest input that reads the old table.
        outcomes: of the sets that decide, with documents longer than the old table.
        more: of all other sets.
    """

    tried: Tried
    length_aware: bool
    kept: int
    outcomes: Outcomes
    more: Outcomes

    @property
    def worth(self) -> float:
        """The mean over tasks and lengths."""
        return float(np.mean([values.mean() for values in self.outcomes.values()]))

    @property
    def tasks(self) -> dict[str, dict[int, float]]:
        """Means by task and length."""
        return means({**self.outcomes, **self.more})

    def record(self) -> SweptCandidate:
        """Return the candidate as it is stored."""
        by_length: dict[int, list[float]] = {}
        for (_, length), values in self.outcomes.items():
            by_length.setdefault(length, []).append(float(values.mean()))
        accuracy = {length: float(np.mean(values)) for length, values in by_length.items()}
        documents = max(map(len, self.outcomes.values()))
        return SweptCandidate(
            self.tried.method, dict(self.tried.options), self.kept, accuracy, None, documents, self.tasks,
            self.length_aware,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Judgment:
    """A candidate compared with what it must beat.

    Attributes:
        measured: the candidate.
        comparisons: with every rival in every task, and with the old table on documents that it has room for.
    """

    measured: Measured
    comparisons: tuple[ChoiceComparison, ...]

    @property
    def accepted(self) -> bool:
        """Whether it is better than every rival in some task, and nowhere clearly worse."""
        return not self.blocking

    @property
    def blocking(self) -> tuple[str, ...]:
        """Names of the rivals that it does not beat, and of the old table if short inputs may lose."""
        rivals = dict.fromkeys(each.baseline for each in self.comparisons)
        return tuple(name for name in rivals if not self._beats(self.against(name)))

    @property
    def hopeless(self) -> bool:
        """Whether it clearly loses somewhere, or clearly gains nowhere: more documents would not change that."""
        rivals = dict.fromkeys(each.baseline for each in self.comparisons)
        return any(self._clearly_fails(self.against(name)) for name in rivals)

    def against(self, name: str) -> list[ChoiceComparison]:
        """Return the comparisons with one baseline."""
        return [each for each in self.comparisons if each.baseline == name]

    @staticmethod
    def _beats(found: Sequence[ChoiceComparison]) -> bool:
        gains = any(each.low > 0 for each in found) or all(each.scope == "native" for each in found)
        return gains and all(each.low >= -TOLERANCE for each in found)

    @staticmethod
    def _clearly_fails(found: Sequence[ChoiceComparison]) -> bool:
        gains_nowhere = all(each.high <= 0 and each.scope == "longer" for each in found)
        return gains_nowhere or any(each.high < -TOLERANCE for each in found)


def judge(
    measured: Measured, sets: Sequence[JudgedSet], baselines: Iterable[Baseline], old: Outcomes, candidates: int
) -> Judgment:
    """Compare a candidate with every baseline of one vector, and with the old table where that has room.

    Intervals are corrected for all candidates that were measured and all tasks: any of the candidates may have looked
    best by chance on these documents.

    Args:
        measured: the candidate.
        sets: that decide; native ones may be missing in an earlier round.
        baselines: on the same documents.
        old: outcomes of the old table on native documents.
        candidates: number of all candidates.
    """
    longer = _tasks(sets, "longer")
    # With length-aware tables, native documents read the old table: there is nothing to compare.
    native = {} if measured.length_aware else _tasks(sets, "native")
    count = candidates * len(longer)
    found = [
        _compared(measured, each.name, some, measured.outcomes, each.outcomes, count)
        for each in baselines
        if each.is_rival
        for some in longer.values()
    ]
    found += [_compared(measured, OLD_TABLE, some, measured.more, old, count) for some in native.values()]
    return Judgment(measured, tuple(found))


def _tasks(sets: Iterable[JudgedSet], scope: Scope) -> dict[str, list[JudgedSet]]:
    found: dict[str, list[JudgedSet]] = {}
    for each in sets:
        if each.scope == scope and each.decides:
            found.setdefault(each.task, []).append(each)
    return found


def _compared(
    measured: Measured, name: str, some: Sequence[JudgedSet], own: Outcomes, other: Outcomes, count: int
) -> ChoiceComparison:
    differences = by_cluster(some, own) - by_cluster(some, other)
    return ChoiceComparison(
        method=measured.tried.method,
        options=dict(measured.tried.options),
        length_aware=measured.length_aware,
        baseline=name,
        task=some[0].task,
        scope=some[0].scope,
        lengths=tuple(each.length for each in some),
        documents=len(differences),
        **corrected_interval(differences, count),
    )
