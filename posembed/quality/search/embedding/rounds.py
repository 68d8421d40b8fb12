"""The rounds of a search: many candidates on few documents, the best on more, the last few on all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from posembed.observer import SILENT, Observer, Progress
from posembed.quality.search.embedding.acceptance import Judgment, Measured, judge
from posembed.quality.search.embedding.baselines import Baseline, Baselines
from posembed.quality.search.embedding.bench import Bench, Tried
from posembed.quality.search.embedding.judged import JudgedSet, Outcomes
from posembed.quality.search.embedding.sets import Sets
from posembed.quality.search.proposals import described
from posembed.records.search import SearchOptions
from posembed.tables.method import Method
from posembed.tables.search_space import Proposal, SearchTable, first_round, second_round

# Shares of the documents that the first two rounds read: a candidate that is far behind shows it on some thirty.
FIRST_SHARE, SECOND_SHARE = 1 / 6, 1 / 3
# Candidates of the second round and of the last: the order of a round is uncertain by a few places, and each later
# round costs as much as several candidates of the one before.
SECOND_ROUND, FINALISTS = 4, 2
# Settings that are refined after the first measurements: those of the two best methods, and no more than this.
REFINED_METHODS, REFINED = 2, 6


@dataclass(frozen=True, eq=False)
class Ranking:
    """What a search has measured.

    Attributes:
        judgments: the last candidates and their length-aware forms, compared with what they must beat.
        swept: candidates that were dropped, the best first; those of later rounds before those of earlier ones.
        baselines: on the documents of the last round.
        sets: of the last round.
        candidates: number of all candidates.
    """

    judgments: Sequence[Judgment]
    swept: Sequence[Measured]
    baselines: Sequence[Baseline]
    sets: Sequence[JudgedSet]
    candidates: int

    def asked(self, *, length_aware: bool) -> list[Judgment]:
        """Return those of one form, the best first."""
        found = [each for each in self.judgments if each.measured.length_aware == length_aware]
        return sorted(found, key=lambda each: -each.measured.worth)


class Rounds:
    """Measures what methods propose.

    Args:
        bench: the model.
        sets: documents and queries.
        table: the old table and the wanted length.
        options: of the search.
        observer: follows the work.
    """

    def __init__(
        self, bench: Bench, sets: Sets, table: SearchTable, options: SearchOptions, observer: Observer = SILENT
    ) -> None:
        self.bench, self.sets, self.table, self.options, self.observer = bench, sets, table, options, observer
        self.baselines = Baselines(bench)

    def run(self, methods: Sequence[Method]) -> Ranking:
        """Measure, drop and measure again; end early where nothing can be better any more.

        Args:
            methods: those to search.
        """
        few = self._shortest(self.sets.longer(FIRST_SHARE))
        self.baselines.keep_best_chunks(few, self.observer)
        tried = [Tried(*each) for each in first_round(methods, self.table)]
        first = self._ranked(self._measure(tried, few, "first round"))
        refined = [Tried(*each) for each in self._refined(methods, first)]
        first = self._ranked([*first, *self._measure(refined, few, "refinements")])
        count = len(tried) + len(refined)

        more = self.sets.longer(SECOND_SHARE)
        second = self._ranked(self._measure(self._first(first, SECOND_ROUND), more, "second round"))
        dropped = self._without(first, second)
        judgments, baselines = self._judged(second, more, {}, count)
        if not self.options.must_be_better or all(each.hopeless for each in judgments):
            return Ranking(judgments, dropped, baselines, more, count)

        alive = [each.measured for each in judgments if not each.hopeless]
        finalists = self._first(self._ranked(alive), FINALISTS)
        every = [*self.sets.longer(1.0), *self.sets.native(), *self.sets.beside()]
        last = self._measure(finalists, every, "last round")
        old = self.bench.old_outcomes(each for each in every if each.scope == "native")
        dropped = [*self._without(second, last), *dropped]
        judgments, baselines = self._judged(last, every, old, count)
        return Ranking(judgments, dropped, baselines, every, count)

    def _judged(
        self, measured: Sequence[Measured], sets: Sequence[JudgedSet], old: Outcomes, count: int
    ) -> tuple[list[Judgment], list[Baseline]]:
        longer = [each for each in sets if each.scope == "longer"]
        baselines = self.baselines.measure(longer, self.observer)
        return [judge(each, sets, baselines, old, count) for each in measured], baselines

    def _measure(self, tried: Sequence[Tried], sets: Sequence[JudgedSet], phase: str) -> list[Measured]:
        """Measure candidates, each by itself and as length-aware tables: these need no further pass over documents."""
        found, forms = [], (True,) if self.options.length_aware else (False, True)
        for number, each in enumerate(tried):
            self.observer.message(f"measuring {described(each.method, each.options)}")
            found += [self._one(each, sets, length_aware=aware) for aware in forms]
            self.observer.progress(Progress("method search", number + 1, len(tried), "candidates", phase=phase))
        return found

    def _one(self, tried: Tried, sets: Sequence[JudgedSet], *, length_aware: bool) -> Measured:
        decisive = [each for each in sets if each.scope == "longer" and each.decides]
        outcomes = self.bench.outcomes(tried, decisive, length_aware=length_aware)
        others = [each for each in sets if each not in decisive]
        more = self.bench.outcomes(tried, others, length_aware=length_aware)
        kept = self.bench.table.usable_length if length_aware else tried.kept
        return Measured(tried, length_aware, kept, outcomes, more)

    def _ranked(self, measured: Iterable[Measured]) -> list[Measured]:
        """Return candidates in the form that was asked for first, each form from the best on."""
        asked = self.options.length_aware
        return sorted(measured, key=lambda each: (each.length_aware != asked, -each.worth))

    def _first(self, ranked: Sequence[Measured], count: int) -> list[Tried]:
        """Return the best candidates of the form that was asked for, and the best of the other form."""
        asked = [each.tried for each in ranked if each.length_aware == self.options.length_aware]
        other = [each.tried for each in ranked if each.length_aware != self.options.length_aware]
        # Where the caller wants one form only, the other is measured for what it may be offered as.
        offered = [] if self.options.length_aware else other[:1]
        return list(dict.fromkeys([*asked[:count], *offered]))

    def _refined(self, methods: Sequence[Method], first: Sequence[Measured]) -> list[Proposal]:
        """Return settings to refine, of the methods that did best."""
        asked = [each.tried for each in first if each.length_aware == self.options.length_aware]
        best = [Proposal(each.method, dict(each.options)) for each in asked]
        names = list(dict.fromkeys(each.method for each in asked))[:REFINED_METHODS]
        promising = [each for each in methods if each.name in names]
        return second_round(promising, self.table, best)[:REFINED]

    def _without(self, measured: Sequence[Measured], later: Sequence[Measured]) -> list[Measured]:
        """Return the candidates in the form that was asked for that a later round did not measure."""
        again = {id(each.tried) for each in later}
        asked = self.options.length_aware
        return [each for each in measured if each.length_aware == asked and id(each.tried) not in again]

    def _shortest(self, sets: Sequence[JudgedSet]) -> list[JudgedSet]:
        shortest = min(each.length for each in sets)
        return [each for each in sets if each.length == shortest]
