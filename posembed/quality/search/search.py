"""Search for the extension method, its range of rows and its options on validation documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from posembed.checkpoint.source import CheckpointPath, open_checkpoint
from posembed.errors import InvalidArgumentError, WorkFailedError
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.plan import plan_extension
from posembed.extension.write import check_plan
from posembed.hardware import resolve_precision
from posembed.observer import SILENT, Observer
from posembed.quality.models.kinds import trainable_kind_of
from posembed.quality.models.position_table import only_table, refuse_length_aware
from posembed.quality.search.candidates import means
from posembed.quality.search.rounds import rank_candidates
from posembed.quality.search.selection import nowhere_worse, preferred
from posembed.quality.search.sentences import reasons, refusal
from posembed.quality.search.trial import TrialRequest
from posembed.quality.search.trials import TRIALS
from posembed.records.base import takes
from posembed.records.choices import KindName, Precision
from posembed.records.search import MethodChoice, SearchOptions
from posembed.tables.method import Method
from posembed.tables.methods.arguments import whole
from posembed.tables.registry import METHODS, searchable_methods
from posembed.tables.rows import as_rows
from posembed.tables.search_space import SearchTable
from posembed.text_files import require_source


@takes(SearchOptions)
def search_method(
    path: CheckpointPath,
    length: int,
    options: SearchOptions | None = None,
    *,
    observer: Observer = SILENT,
    **keywords: Any,
) -> MethodChoice:
    """Choose range, method and its options for a checkpoint, on validation documents alone.

    Every method that has a search space and suits the kind of model proposes settings of its options, such as ranges of
    rows, first for the table alone and then in the light of the best of these. All candidates read documents of the
    old and of a longer length (for an embedding model also of a half and a quarter of the old one, if that is 128
    tokens or more): an embedding model is measured by how often passkeys are found, a language model by its loss. The
    best few are measured again on more documents. Candidates that are worse than the old table at some length, by more
    than one standard error of the paired difference, are ruled out. Of those that do not differ from the best by more
    than that, the one that keeps most rows is chosen, since short inputs read those.

    Args:
        path: the checkpoint's directory.
        length: wanted usable positions.
        options: all options as one record, in place of keywords.
        observer: receives messages.
        **keywords: the fields of :class:`posembed.records.search.SearchOptions`.

    Raises:
        InvalidArgumentError: for an unsupported kind of model, a checkpoint that does not have exactly one sequence
            table, or methods that cannot be searched.
        DataError: if there is too little text.
        WorkFailedError: if no candidate is better than what the old table gives, and at no length worse: documents cut
            to its length, or a sliding window.
    """
    options, length = SearchOptions.of(options, keywords), whole("length", length, 1)
    checkpoint = open_checkpoint(path)
    kind = trainable_kind_of(checkpoint.root)
    table = only_table(checkpoint)
    old = table.usable_length
    if length <= old:
        raise InvalidArgumentError(f"length={length} must be above the {old} positions that the table has")
    refuse_length_aware(checkpoint.root, "search with")
    methods = allowed_methods(kind.name, options.methods)
    plan = plan_extension(checkpoint, length, method="stretch", tables=[table.key])
    check_plan(plan)  # before minutes of work
    if options.length_aware:
        # Refuses what could not be loaded, before minutes of work.
        length_aware_file(plan, trust_remote_code=options.trust_remote_code)
    require_source(options.data)
    options = replace(options, precision=cast("Precision", resolve_precision(options.precision, "cpu")))
    observer.message("loading the model and the validation texts")
    trial = TRIALS[kind.name].load(TrialRequest(kind, checkpoint.root, table, length, options))
    searched = SearchTable(as_rows(trial.positions), old, length)
    ranking = rank_candidates(trial, methods, searched, length_aware=options.length_aware, observer=observer)
    baseline, finalists = means(ranking.baseline), ranking.finalists
    plain = trial.measure.worth(baseline)
    better = [each for each in finalists if each.worth > plain and nowhere_worse(each, ranking.baseline)]
    if options.must_be_better and not better:
        raise WorkFailedError(refusal(finalists[0], baseline, old, options.length_aware))
    best = preferred(better or finalists[:1])
    short = best.kept if options.length_aware else None
    return MethodChoice(
        why=reasons(best, finalists, baseline, old, short),
        measure=trial.measure.name,
        baseline=baseline,
        short=short,
        swept=tuple(candidate.record() for candidate in (*finalists, *ranking.swept)),
        method=best.method,
        options=dict(best.options),
    )


def allowed_methods(kind: KindName, names: Sequence[str] | None) -> tuple[Method, ...]:
    """Return the methods to search for a kind of model.

    Args:
        kind: the kind of model.
        names: those that the caller allows; ``None`` for all. Some of them may suit other kinds of model only.

    Raises:
        InvalidArgumentError: for a method without a search space, or if none of the names suits the kind of model.

    Example:
        >>> [method.name for method in allowed_methods("causal", ("tile", "mean"))]
        ['tile']
    """
    suitable = searchable_methods(kind)
    if names is None:
        return suitable
    searchable = {name for name, method in METHODS["sequence"].items() if method.search_space is not None}
    allowed = tuple(method for method in suitable if method.name in names)
    if not allowed or not searchable.issuperset(names):
        raise InvalidArgumentError(
            f"methods={tuple(names)} must be among {', '.join(method.name for method in suitable)}: those that have a "
            f"search space and suit the model ({kind})"
        )
    return allowed
