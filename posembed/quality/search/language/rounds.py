"""The rounds of a language model's search: two on few documents, and the best few again on all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from posembed.observer import SILENT, Observer, Progress
from posembed.quality.search.language.candidates import Candidate, Outcomes
from posembed.quality.search.language.selection import best_short, ranked
from posembed.quality.search.language.trial import LanguageTrial
from posembed.quality.search.proposals import described
from posembed.tables.method import Method
from posembed.tables.search_space import Proposal, SearchTable, first_round, second_round

# Measured again on all documents: the first rounds' order is uncertain by a few places, and each costs as much as
# several of their candidates.
FINALISTS = 4


@dataclass(frozen=True)
class Ranking:
    """The candidates of a search.

    Attributes:
        finalists: measured on all documents, the best first.
        swept: measured in the first rounds, the best first.
        baseline: outcomes of the old table on all documents.
    """

    finalists: Sequence[Candidate]
    swept: Sequence[Candidate]
    baseline: Outcomes


def rank_candidates(
    trial: LanguageTrial,
    methods: Sequence[Method],
    table: SearchTable,
    *,
    length_aware: bool,
    observer: Observer = SILENT,
) -> Ranking:
    """Measure what the methods propose for a table, and rank it.

    Args:
        trial: the model and its documents.
        methods: those to search.
        table: the old table and the wanted length.
        length_aware: whether short inputs read the old table.
        observer: receives a message for each candidate.
    """
    few, final = trial.documents()
    trial.prepare(few)
    swept = _measured(trial, first_round(methods, table), observer)
    baseline = trial.baseline()
    best = sorted(_ranked(swept, baseline, table.old, length_aware), key=lambda candidate: -candidate.worth)
    proposals = [Proposal(each.method, dict(each.options)) for each in best]
    swept += _measured(trial, second_round(methods, table, proposals), observer)
    ranking = _ranked(swept, baseline, table.old, length_aware)
    trial.prepare(final)
    baseline = trial.baseline()
    again = [Proposal(each.method, dict(each.options)) for each in ranking[:FINALISTS]]
    finalists = _measured(trial, again, observer, f" on {final} documents")
    return Ranking(_ranked(finalists, baseline, table.old, length_aware), ranking, baseline)


def _measured(
    trial: LanguageTrial, proposals: Iterable[Proposal], observer: Observer, documents: str = ""
) -> list[Candidate]:
    candidates, proposals = [], list(proposals)
    for number, (method, options) in enumerate(proposals):
        observer.message(f"measuring {described(method, options)}{documents}")
        candidates.append(trial.run(method, options))
        observer.progress(Progress("method search", number + 1, len(proposals), "candidates"))
    return candidates


def _ranked(candidates: Sequence[Candidate], baseline: Outcomes, old: int, length_aware: bool) -> list[Candidate]:
    if length_aware:
        candidates = [best_short(candidate, baseline, old) for candidate in candidates]
    return ranked(candidates, baseline)
