"""Choose how to extend a table by what validation documents say: the range of rows that are used, and the method."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.plan import plan_extension
from posembed.extension.write import check_plan
from posembed.hardware import resolve_precision
from posembed.quality.models.kinds import kind_named
from posembed.quality.models.loading import Kind, kind_of, only_table, refuse_tables_by_length
from posembed.quality.models.scorer import Scorer
from posembed.quality.search.candidates import (
    Candidate,
    Measure,
    Outcomes,
    first_ways,
    more_ways,
    nowhere_worse,
    preferred,
    told,
    with_short,
    worth,
)
from posembed.quality.search.trials import EmbeddingTrial, LanguageTrial, LongerTable, Trial
from posembed.quality.texts import is_one_file, load_texts, load_whole_texts
from posembed.tables.measures.rows import as_rows

METHODS = ("tile", "stretch", "mean")
LONGEST = 1024  # tokens of a swept document, unless the table has more rows itself: longer ones cost too much time
SHORTEST = 128  # of an embedding model's: a quarter and a half of the old length count too, if they are so long
FINALISTS = 4
_FEW = 16  # kept rows that no real input does with
_FIRST, _FINAL = 16, 64  # documents of language models, whose every token is an outcome


@dataclass(frozen=True)
class Choice:
    """What was chosen, and why.

    Attributes:
        method: a method's name.
        options: of the method.
        why: sentences.
        swept: every candidate with its numbers, the best first.
        baseline: what the old table gives, by length: documents cut, or a sliding window.
        measure: of all numbers, ``"accuracy"`` or ``"loss"``.
        short: with tables by length, the longest input that reads the old one.
    """

    method: str
    options: dict[str, Any]
    why: tuple[str, ...]
    swept: tuple[Candidate, ...]
    baseline: dict[int, float]
    measure: Measure = "accuracy"
    short: int | None = None


def choose_method(
    path: str | os.PathLike[str],
    length: int,
    *,
    data: str = "stdlib",
    documents: int | None = None,
    pool: int = 50,
    precision: str = "auto",
    seed: int = 0,
    length_aware: bool = False,
    methods: Sequence[str] = METHODS,
    must_be_better: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Choice:
    """Choose range, method and its options for a checkpoint, on validation documents alone.

    Ranges of rows come from the table itself (where training seems to end, where norms jump) and from a grid of shares
    of its length. Each is repeated (``tile``), stretched (``stretch``) and, for an embedding model, put in the place of
    all its rows but the first as their ``mean``; the two best ranges are also drawn out by ratios, with first rows kept
    and by a spline. All read documents of the old and of a longer length (of an embedding model also of a half and a
    quarter of the old one, if that is 128 tokens or more): of an embedding model it is asked how often passkeys are
    found, of a language model how large its loss is. The best few are measured again on more documents. Out goes what
    is worse than the old table at any length, by more than one standard error of the paired difference. Of those that
    cannot be told from the best, the one that keeps most rows is taken, since short inputs read those.

    Args:
        path: the checkpoint's directory.
        length: usable positions that are wanted.
        data: texts, as for ``posembed evaluate``; only the validation set is read.
        documents: of the final measurement; for embedding models a multiple of ``pool`` (200 if left out; the first
            sweep takes half of the pools), for language models at most so many (64; the first sweep takes a quarter).
        pool: documents that a query is ranked against; each pool has another filler, so several small ones tell more
            than a large one.
        precision: ``"auto"``, ``"bf16"`` or ``"fp32"``.
        seed: of every draw.
        length_aware: choose for tables by length: short inputs, queries among them, read the old table. How short they
            are is chosen too: up to the length at which the new table is better.
        methods: that may be chosen; the mean is for embedding models alone.
        must_be_better: than the old table, and at no length worse; else the best is taken all the same, for training.
        tell: is told what is being done.

    Raises:
        InvalidArgumentError: if the checkpoint is of another kind, or has not exactly one sequence table.
        DataError: if there is too little text.
        WorkFailedError: if no candidate is better than what the old table gives, and at no length worse: documents cut
            to its length, or a sliding window.
    """
    kind = kind_of(path)
    table = only_table(path)
    old = table.usable_length
    if length <= old:
        raise InvalidArgumentError(f"length={length} must be above the {old} positions that the table has")
    refuse_tables_by_length(path, "choose for")
    allowed = [method for method in methods if method != "mean" or kind == "embedding"]
    if not allowed or not {*methods} <= {*METHODS}:
        raise InvalidArgumentError(
            f"methods={tuple(methods)} must be of {METHODS}, the mean for embedding models alone"
        )
    plan = plan_extension(path, length, method="stretch", tables=[table.key])
    check_plan(plan)  # before minutes of work
    if length_aware:
        length_aware_file(plan)  # likewise
    precision = resolve_precision(precision, "cpu")
    tell("loading the model and the validation texts")
    lengths = sorted({old, min(length, max(LONGEST, 2 * old))})
    if kind == "embedding":
        lengths = [part for part in (old // 4, old // 2) if part >= SHORTEST] + lengths
    trial, longer = _trial(path, kind, length, lengths, data, pool, precision, seed, length_aware)
    final = documents or (200 if kind == "embedding" else _FINAL)
    trial.prepare(max(pool, final // 2 // pool * pool) if kind == "embedding" else max(2, final * _FIRST // _FINAL))
    swept: list[Candidate] = []

    def sweep(ways: Sequence[tuple[str, dict[str, Any]]]) -> None:
        for method, options in ways:
            if method in allowed:
                tell(f"{method} {options}")
                swept.append(trial.measure(method, options))

    sweep(first_ways(as_rows(longer.positions), old))
    before = trial.baseline()
    sweep(more_ways(_ranked(swept, before, old, length_aware), length))
    swept = _ranked(swept, before, old, length_aware)
    trial.prepare(final)
    before = trial.baseline()
    finalists = []
    for candidate in swept[:FINALISTS]:
        tell(f"again on {final} documents: {candidate.method} {candidate.options}")
        finalists.append(trial.measure(candidate.method, candidate.options))
    finalists = _ranked(finalists, before, old, length_aware)
    baseline = {n: float(each.mean()) for n, each in before.items()}
    plain = worth(baseline, trial.measure_name)
    better = [each for each in finalists if each.worth > plain and nowhere_worse(each, before)]
    if must_be_better and not better:
        raise WorkFailedError(_refusal(finalists[0], baseline, old, length_aware))
    best = preferred(better or finalists[:1])
    short = best.kept if length_aware else None
    why = (*_why(best, finalists, baseline, old), _kept(best, short))
    return Choice(best.method, best.options, why, (*finalists, *swept), baseline, trial.measure_name, short)


def _trial(
    path: str | os.PathLike[str],
    kind: Kind,
    length: int,
    lengths: list[int],
    data: str,
    pool: int,
    precision: str,
    seed: int,
    length_aware: bool,
) -> tuple[Trial, LongerTable]:
    table = only_table(path)
    if kind == "embedding":
        embedder = kind_named(kind).load(path, precision)
        texts = [embedder.encode(text) for text in load_texts(data)["validation"]]
        longer = LongerTable(embedder.model, table, length)
        return EmbeddingTrial(embedder, longer, lengths, texts, pool, seed, old_queries=length_aware), longer
    model = kind_named(kind).load(path, precision)
    texts = [model.encode(text) for text in load_whole_texts(data)["validation"]]
    longer = LongerTable(model.model, table, length)
    return LanguageTrial(Scorer.of(model), longer, lengths, texts, seed, one_file=is_one_file(data)), longer


def _ranked(candidates: Sequence[Candidate], before: Outcomes, old: int, length_aware: bool) -> list[Candidate]:
    """The best first; those that are worse than the old table at some length come after all others."""
    if length_aware:
        candidates = [with_short(candidate, before, old) for candidate in candidates]
    return sorted(candidates, key=lambda candidate: (not nowhere_worse(candidate, before), -candidate.worth))


def _refusal(best: Candidate, baseline: dict[int, float], old: int, length_aware: bool) -> str:
    accuracy = best.measure == "accuracy"
    other = f"cutting documents to {old} tokens" if accuracy else f"a sliding window of {old} tokens"
    on_the_whole = best.worth > worth(baseline, best.measure)
    lacks = f"is at every length as good as {other}" if on_the_whole else f"is better than {other}"
    hint = "with --length-aware short inputs read the old table; " if on_the_whole and not length_aware else ""
    return (
        f"no way of extending {lacks} on {max(best.documents.values())} validation documents ({best.in_words()}; "
        f"{best.measure} without: {told(baseline)}): {hint}posembed calibrate may make it so; name a --method to "
        "extend all the same"
    )


def _why(best: Candidate, finalists: Sequence[Candidate], baseline: dict[int, float], old: int) -> tuple[str, ...]:
    others = "; ".join(candidate.in_words() for candidate in finalists if candidate is not best)
    options = "".join(f", {name} {value}" for name, value in best.options.items() if name != "range")
    what = "passkey retrieval" if best.measure == "accuracy" else "loss (nats a token)"
    plain = f"cutting to {old}" if best.measure == "accuracy" else f"a sliding window of {old}"
    return (
        f"{best.method} over the first {best.options['range']} of {old} rows{options}: on "
        f"{max(best.documents.values())} validation documents its {what} is {told(best.values)} tokens; {plain} gives "
        f"{told(baseline)}.",
        f"Next best: {others}." if others else "No other candidate was measured again.",
    )


def _kept(best: Candidate, short: int | None) -> str:
    if short is not None:
        return (
            f"Inputs of up to {short} tokens read the old table, bit for bit, where tables by length are loaded; "
            "without them every input reads the new one."
        )
    if best.kept > _FEW:
        return f"Inputs of up to {best.kept} tokens keep their rows bit for bit."
    changed = f"Inputs of more than {best.kept} tokens read" if best.kept > 1 else "Every input reads"
    anew = " (vectors made by the old table do not fit those by the new one)" if best.measure == "accuracy" else ""
    return (
        f"{changed} other rows than before{anew}; --length-aware writes tables by length, by which short ones do not."
    )
