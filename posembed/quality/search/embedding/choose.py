"""Choose the method for an embedding model, or say which use of the model as it is serves as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from posembed.errors import DataError, NoBetterMethodError, WorkFailedError
from posembed.observer import Observer
from posembed.quality.behavior.probe import working_range
from posembed.quality.evaluate.embeddings import require_room
from posembed.quality.evaluate.systems import TRUNCATED
from posembed.quality.models.embedder import Embedder
from posembed.quality.retrieval_data.measures import require_library
from posembed.quality.retrieval_data.read import RetrievalData, read_own
from posembed.quality.search.embedding.acceptance import Judgment
from posembed.quality.search.embedding.bench import Bench
from posembed.quality.search.embedding.lengths import longer_lengths
from posembed.quality.search.embedding.own_sets import OwnSets
from posembed.quality.search.embedding.rounds import Ranking, Rounds
from posembed.quality.search.embedding.sentences import reasons, refusal
from posembed.quality.search.embedding.sets import Sets, TextSets
from posembed.quality.search.longer_table import LongerTable
from posembed.quality.search.request import SearchRequest
from posembed.quality.search.searched_texts import searched_texts
from posembed.quality.search.selection import preferred
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.texts import load_documents
from posembed.records.choices import Split
from posembed.records.search import MethodChoice, SearchedRange
from posembed.tables.method import Method
from posembed.tables.rows import as_rows
from posembed.tables.search_space import SMALLEST_RANGE, SearchTable

# Nothing is trained here, so the texts that a calibration trains on may be read as well: a tenth of most collections
# has too few long documents. The test set is left to `evaluate`.
SPLITS: tuple[Split, ...] = ("validation", "train")
# Bounds on what is read of a large collection: files of each set that may be long enough, and characters of texts to
# hide needles in and to take short texts from. Some hundred documents are used.
MOST_FILES, MOST_CHARACTERS = 1500, 2_000_000


def choose_for_embeddings(request: SearchRequest, methods: Sequence[Method], observer: Observer) -> MethodChoice:
    """Choose by real retrieval tasks.

    Args:
        request: what is asked for.
        methods: those to search.
        observer: follows the work.

    Raises:
        DataError: if there is too little text.
        NoBetterMethodError: if no candidate is better than every use of one vector without another table.
    """
    options, old = request.options, request.old
    own = read_own(options)
    if own is not None:
        require_library()
    found = shown_range(request, observer)
    observer.message("loading the model and the texts")
    embedder: Embedder = request.load()
    require_room(embedder, old)
    sets = _sets(request, embedder, own)
    bench = Bench(embedder, LongerTable(embedder.model, request.table, request.length))
    table = SearchTable(as_rows(bench.table.positions), old, request.length, shown=ranges(found, old))
    ranking = Rounds(bench, sets, table, options, observer).run(methods)
    return _choice(request, ranking, found)


def shown_range(request: SearchRequest, observer: Observer) -> SearchedRange:
    """Return up to which position the model works alike, by moving positions; unknown where it cannot be run so."""
    observer.message("moving positions, to see how many rows work alike")
    options = request.options
    try:
        found = working_range(
            request.checkpoint, request.table, options.data, options.seed, observer, device=options.device
        )
    except (WorkFailedError, DataError):  # a table that is too short, texts that are, code of the model's own
        return SearchedRange("unknown")
    return SearchedRange(found.verdict, found.end, found.low, found.high)


def ranges(found: SearchedRange, old: int) -> tuple[int, ...]:
    """Return the numbers of leading rows to try; none where the model does not tell, and shares are tried.

    Example:
        >>> ranges(SearchedRange("ends", 160, 144, 176), 512), ranges(SearchedRange("no end"), 512)
        ((512, 160, 144), (512,))
    """
    if found.verdict == "unknown":
        return ()
    # An interval's low end is the safer choice: rows past the end do harm, and few rows fewer do little.
    known = [each for each in (found.end, found.low) if each is not None and SMALLEST_RANGE <= each <= old]
    return tuple(dict.fromkeys((old, *known)))


def _sets(request: SearchRequest, embedder: Embedder, own: RetrievalData | None) -> Sets:
    options, old = request.options, request.old
    lengths = longer_lengths(old, request.length)
    strings = first_texts(request.kind.read_texts(options.data))
    documents = [
        document
        for split in SPLITS
        for document in load_documents(options.data, split, least=lengths[0], most=MOST_FILES)
    ]
    tokens = [embedder.encode(text) for text in strings]
    if own is None:
        return TextSets(HeldOut(tokens, documents), strings, embedder, old, lengths, options)
    try:
        beside: Sets | None = TextSets(HeldOut(tokens, documents), strings, embedder, old, lengths, options)
    except DataError:  # the user's queries are enough
        beside = None
    return OwnSets(own, embedder, old, request.length, options, beside)


def first_texts(texts: Mapping[str, Sequence[str]], most: int = MOST_CHARACTERS) -> list[str]:
    """Return texts of the validation set, then of the training set, up to a number of characters.

    Example:
        >>> first_texts({"train": ["ab", "c"], "validation": ["de"], "test": ["f"]}, most=3)
        ['de', 'ab']
    """
    found: list[str] = []
    for text in (text for split in SPLITS for text in texts[split]):
        if most <= 0:
            break
        found.append(text)
        most -= len(text)
    return found


def _choice(request: SearchRequest, ranking: Ranking, found: SearchedRange) -> MethodChoice:
    options, old = request.options, request.old
    asked = ranking.asked(length_aware=options.length_aware)
    accepted = [each for each in asked if each.accepted]
    best = _best(accepted or asked, options.must_be_better)
    offered = [] if options.length_aware else [e for e in ranking.asked(length_aware=True) if e.accepted]
    short = old if options.length_aware else None
    taken = bool(accepted) or not options.must_be_better
    say = reasons if taken else refusal
    measured = best.measured
    others = [each.measured for each in asked if each is not best]
    choice = MethodChoice(
        why=say(best, ranking, old, offered[0] if offered else None),
        measure="accuracy",
        baseline=_of_old_table(ranking),
        short=short,
        swept=tuple(each.record() for each in (measured, *others, *ranking.swept)),
        method=measured.tried.method,
        options=dict(measured.tried.options),
        accepted=best.accepted,
        texts=searched_texts(options, SPLITS),
        range=found,
        baselines=tuple(each.record() for each in ranking.baselines),
        comparisons=tuple(comparison for each in (*asked, *offered) for comparison in each.comparisons),
    )
    if not taken:
        raise NoBetterMethodError(" ".join(choice.why), choice)
    return choice


def _best(judgments: Sequence[Judgment], must_be_better: bool) -> Judgment:
    """Return the best; of those that equal it, the one that keeps most rows, unless a training follows."""
    if not must_be_better:
        return judgments[0]
    best = preferred([each.measured for each in judgments])
    return next(each for each in judgments if each.measured is best)


def _of_old_table(ranking: Ranking) -> dict[int, float]:
    """Return what documents cut to the old length give, by length: the mean over the tasks that decide."""
    cut = next(each for each in ranking.baselines if each.name == TRUNCATED)
    by_length: dict[int, list[float]] = {}
    for each in ranking.sets:
        if each.decides and each.scope == "longer":
            by_length.setdefault(each.length, []).append(float(cut.outcomes[each.key].mean()))
    return {length: float(np.mean(values)) for length, values in by_length.items()}
