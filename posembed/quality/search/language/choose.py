"""Choose the method for a language model, by its loss on inputs longer than the old table."""

from __future__ import annotations

from collections.abc import Sequence

from posembed.errors import NoBetterMethodError
from posembed.observer import Observer
from posembed.quality.search.language.candidates import Candidate, Outcomes, means
from posembed.quality.search.language.rounds import Ranking, rank_candidates
from posembed.quality.search.language.selection import longer_gain, nowhere_worse
from posembed.quality.search.language.sentences import reasons, refusal
from posembed.quality.search.language.trial import LanguageTrial
from posembed.quality.search.request import SearchRequest
from posembed.quality.search.searched_texts import searched_texts
from posembed.quality.search.selection import preferred
from posembed.records.search import ChoiceComparison, MethodChoice
from posembed.tables.method import Method
from posembed.tables.rows import as_rows
from posembed.tables.search_space import SearchTable

BASELINE = "sliding window"
TASK = "loss"


def choose_for_language(request: SearchRequest, methods: Sequence[Method], observer: Observer) -> MethodChoice:
    """Choose by the loss, compared with a sliding window of the old length.

    A candidate must gain on inputs that are longer than the old table, by an interval that is corrected for the number
    of candidates, and may lose nowhere, by one standard error.

    Args:
        request: what is asked for.
        methods: those to search.
        observer: follows the work.

    Raises:
        DataError: if there is too little text.
        NoBetterMethodError: if a sliding window is as good.
    """
    options, old = request.options, request.old
    observer.message("loading the model and the validation texts")
    trial = LanguageTrial.load(request)
    table = SearchTable(as_rows(trial.positions), old, request.length)
    ranking = rank_candidates(trial, methods, table, length_aware=options.length_aware, observer=observer)
    baseline, finalists, count = means(ranking.baseline), ranking.finalists, len(ranking.swept)
    better = [each for each in finalists if accepted(each, ranking.baseline, old, count)]
    best = preferred(better) if better else finalists[0]
    taken = bool(better) or not options.must_be_better
    short = best.kept if options.length_aware else None
    gain = longer_gain(best, ranking.baseline, old, count)
    why = (
        reasons(best, finalists, baseline, old, short)
        if taken
        else refusal(best, baseline, gain, old, length_aware=options.length_aware)
    )
    choice = MethodChoice(
        why=why,
        measure="loss",
        baseline=baseline,
        short=short,
        swept=tuple(candidate.record() for candidate in (*finalists, *ranking.swept)),
        method=best.method,
        options=dict(best.options),
        accepted=bool(better),
        texts=searched_texts(options, ("validation",)),
        comparisons=tuple(_comparison(each, ranking, old, length_aware=options.length_aware) for each in finalists),
    )
    if not taken:
        raise NoBetterMethodError(" ".join(why), choice)
    return choice


def accepted(candidate: Candidate, baseline: Outcomes, old: int, candidates: int) -> bool:
    """Return whether a candidate clearly gains beyond the old table, and is nowhere worse."""
    return nowhere_worse(candidate, baseline) and longer_gain(candidate, baseline, old, candidates)["low"] > 0


def _comparison(candidate: Candidate, ranking: Ranking, old: int, *, length_aware: bool) -> ChoiceComparison:
    longer = {length: each for length, each in candidate.outcomes.items() if length > old}
    return ChoiceComparison(
        candidate.method,
        dict(candidate.options),
        length_aware,
        BASELINE,
        TASK,
        "longer",
        tuple(longer),
        sum(map(len, longer.values())),
        **longer_gain(candidate, ranking.baseline, old, len(ranking.swept)),
    )
