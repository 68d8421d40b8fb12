"""Search for the extension method, its range of rows and its options on validation documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from posembed.checkpoint.source import CheckpointPath, open_checkpoint
from posembed.errors import InvalidArgumentError
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.plan import plan_extension
from posembed.extension.write import check_plan
from posembed.hardware import resolve_device, resolve_precision
from posembed.observer import SILENT, Observer
from posembed.quality.models.kinds import trainable_kind_of
from posembed.quality.models.memory import memory_named
from posembed.quality.models.position_table import only_table, refuse_length_aware
from posembed.quality.search.request import SearchRequest
from posembed.quality.search.searches import SEARCHES
from posembed.records.base import takes
from posembed.records.choices import KindName, Precision
from posembed.records.search import MethodChoice, SearchOptions
from posembed.tables.method import Method
from posembed.tables.methods.arguments import whole
from posembed.tables.registry import METHODS, searchable_methods
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
    rows, first for the table alone and then in the light of the best of these. Rounds on more and more documents drop
    candidates; the last few are compared with what needs no longer table, on the same documents, by intervals that are
    corrected for the number of candidates.

    An embedding model is judged by real retrieval tasks (titles, sections, sentences, or the user's own queries), at
    several lengths up to the new one, and compared with every use of one vector per document: cut documents, averaged
    chunks, averaged word vectors. It must be better than each in some task and lose in none, documents that the old
    table has room for and short texts included. A language model is judged by its loss, compared with a sliding window.

    Args:
        path: the checkpoint's directory.
        length: wanted usable positions.
        options: all options as one record, in place of keywords.
        observer: receives messages and progress.
        **keywords: the fields of :class:`posembed.records.search.SearchOptions`.

    Raises:
        InvalidArgumentError: for an unsupported kind of model, a checkpoint that does not have exactly one sequence
            table, or methods that cannot be searched.
        DataError: if there is too little text.
        NoBetterMethodError: if the model without a longer table serves as well.
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
    if options.corpus is not None and kind.name != "embedding":
        raise InvalidArgumentError("`corpus`, `queries` and `qrels` need a sentence-embedding model")
    device = resolve_device(options.device)
    precision = cast("Precision", resolve_precision(options.precision, device))
    request = SearchRequest(kind, checkpoint, table, length, replace(options, device=device, precision=precision))
    with memory_named(device, "or give a smaller `length`"):
        return SEARCHES[kind.name](request, methods, observer)


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
