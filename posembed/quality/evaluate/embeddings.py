"""Evaluate a sentence-embedding model: retrieval at each length by every system, and the change in short inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from posembed.errors import InvalidArgumentError
from posembed.observer import SILENT, Observer
from posembed.quality.evaluate.evaluator import Evaluator, require_same_vocabulary
from posembed.quality.evaluate.fidelity import fidelity, short_texts
from posembed.quality.evaluate.lexical import missing_bm25
from posembed.quality.evaluate.passes import Known, Models, Passes
from posembed.quality.evaluate.ranking import Cell, comparisons, measure_cells
from posembed.quality.evaluate.recommend import compare_pooled, contests, recommend
from posembed.quality.evaluate.short_pairs import TASK as SHORT_TEXTS
from posembed.quality.evaluate.short_pairs import short_pairs
from posembed.quality.evaluate.systems import absent, systems
from posembed.quality.evaluate.verdict import verdict
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.rows import dense_rows, unit
from posembed.quality.retrieval_data.evaluate import measure_own
from posembed.quality.retrieval_data.measures import require_library
from posembed.quality.retrieval_data.read import read_own
from posembed.quality.retrieval_data.verdict import own_verdict
from posembed.quality.tasks.excerpt import LONGEST_QUERY
from posembed.quality.tasks.real import RealTask
from posembed.quality.tasks.registry import TASKS
from posembed.quality.tasks.retrieval_set import default_documents, require_pools
from posembed.quality.tasks.sets import SetMaker, read_held_out
from posembed.records.evaluate import TASK_NAMES, EvaluateOptions, Task
from posembed.records.evaluation import EmbeddingResults, EvaluationSetup, Fidelity, Shortage

# Powers of two from a quarter of the length that most embedding models take to eight times that length.
LENGTHS = (128, 256, 512, 1024, 2048, 4096)
# Documents that a query is ranked against: by chance one query in a hundred finds its own.
POOL = 100
# Longest short text in tokens, without special ones: with BERT's two it fills the shortest of LENGTHS.
SHORT = 126


class EmbeddingEvaluator(Evaluator[Embedder, EmbeddingResults]):
    """Retrieval compared with every baseline, and fidelity to the original."""

    def default_lengths(self, _usable: int, _original: int) -> tuple[int, ...]:
        """Return the same lengths for every model, so that results can be compared."""
        return LENGTHS

    def check(self, options: EvaluateOptions) -> None:
        """Refuse an empty list of tasks, documents that make no whole pools, and own data that do not fit together."""
        if options.tasks is not None and not options.tasks:
            raise InvalidArgumentError(f"`tasks` is empty; choose from {', '.join(TASK_NAMES)}")
        if options.documents is not None:
            require_pools(options.documents, options.pool or POOL)
        if read_own(options) is not None:
            require_library()

    def reads_texts(self, options: EvaluateOptions) -> bool:
        """Return whether a task or the comparison of short inputs needs texts beside own data."""
        return options.corpus is None or bool(options.tasks) or options.original is not None

    def setup(
        self, options: EvaluateOptions, checkpoint: Embedder, original: Embedder, usable: tuple[int, int]
    ) -> EvaluationSetup:
        """Return the setup, with the longest short text that both models read."""
        widths = {embedder.model.config.hidden_size for embedder in (checkpoint, original)}
        require_same_vocabulary(checkpoint, original, same_width=len(widths) == 1)
        require_room(checkpoint, min(usable))
        longest = min(usable) - max(checkpoint.special, checkpoint.query_special)
        if options.short is not None and not 1 <= options.short <= longest:
            raise InvalidArgumentError(
                f"short={options.short} must be between 1 and {longest}, which is what both models take"
            )
        short = min(SHORT, longest) if options.short is None else options.short
        pool = options.pool or POOL
        return self.common_setup(
            replace(options, documents=options.documents or default_documents(pool)), usable,
            tasks=tasks_of(options), pool=pool, short=short, shortage=shortage_of(options),
            corpus=options.corpus, queries=options.queries, qrels=options.qrels,
            documents_from=options.documents_from or "test",
        )  # fmt: skip

    def measure(
        self,
        checkpoint: Embedder,
        original: Embedder,
        texts: Sequence[str],
        setup: EvaluationSetup,
        observer: Observer = SILENT,
    ) -> EmbeddingResults:
        """Embed and rank the documents of each task and length, then embed short texts."""
        return evaluate_embeddings(checkpoint, original, texts, setup, observer)

    def notes(self, results: EmbeddingResults) -> tuple[str, ...]:
        """Return what the texts could not give, a sentence each."""
        return results.shortages

    def verdict(self, results: EmbeddingResults, *, compared: bool = True) -> tuple[str, ...]:
        """Return which system to use for each task, what the checkpoint gains, and how short inputs change."""
        own = () if results.own is None else own_verdict(results.own)
        return (*own, *verdict(results, compared=compared))


def require_room(embedder: Embedder, usable: int) -> None:
    """Refuse a model whose prompts leave no room for a query.

    Raises:
        InvalidArgumentError: naming the prompts and the tokens that they take.
    """
    taken = max(embedder.special, embedder.query_special)
    if embedder.prompts and usable < LONGEST_QUERY + taken:
        raise InvalidArgumentError(
            f"the prompts of the model ({embedder.prompts}) take up to {taken} of its {usable} tokens; a query of "
            f"{LONGEST_QUERY} tokens needs room too: shorten the prompts in config_sentence_transformers.json"
        )


def reading(embedder: Embedder) -> tuple[str, ...]:
    """Return how a model was read where that is not as most are, a sentence each."""
    sentences = []
    if embedder.prompts:
        sentences.append(f"the model was given its prompts ({embedder.prompts}); lengths count them")
    if embedder.similarity == "dot":
        sentences.append("vectors were compared by dot product, as the model's files say")
    return tuple(sentences)


def tasks_of(options: EvaluateOptions) -> tuple[Task, ...]:
    """Return the tasks to run: with own data, those alone that are named."""
    if options.tasks is None:
        return TASK_NAMES if options.corpus is None else ()
    return options.tasks


def shortage_of(options: EvaluateOptions) -> Shortage:
    """Return what is done where the texts have too few documents: what was named in the call is not left out."""
    if options.documents is None:
        return "fewer"
    return "left out" if options.tasks is None else "refuse"


def evaluate_embeddings(
    checkpoint: Embedder,
    original: Embedder,
    texts: Sequence[str],
    setup: EvaluationSetup,
    observer: Observer = SILENT,
) -> EmbeddingResults:
    """Measure retrieval at each length by every system, retrieval among short texts, and fidelity to the original.

    Documents longer than the checkpoint takes are given to the baselines alone. Without an original (the checkpoint
    takes its place) a baseline that would cut nothing is left out, and so are short texts: a model equals itself.

    Args:
        checkpoint: the model to evaluate.
        original: the model before it was extended, or the same object.
        texts: held-out texts of the setup's split.
        setup: with ``tasks``, ``pool`` and ``short``.
        observer: receives a message for each task and length.

    Raises:
        DataError: if there is too little text.
        InvalidArgumentError: for counts that do not fit.
    """
    assert setup.tasks is not None
    assert setup.pool is not None
    assert setup.short is not None
    tokens = [checkpoint.encode(text) for text in texts]
    missing = missing_bm25()
    if missing is not None:
        observer.message(missing)
    models = Models(checkpoint, original, setup.usable_length, setup.original_usable_length)
    by = systems(models, bm25=missing is None)
    sets = SetMaker(setup, checkpoint.encode, read_held_out(setup, tokens), checkpoint.special)
    data = read_own(setup)
    own = None if data is None else measure_own(data, models, by, observer)
    cells: dict[Task, list[Cell]] = {task: [] for task in setup.tasks}
    for length in setup.lengths:
        known: Known = {}
        for task in setup.tasks:
            observer.message(f"{task} at {length} tokens")
            retrieval = sets.make(task, length)
            if retrieval is not None:
                shared = known if isinstance(TASKS[task], RealTask) else {}
                passes = Passes(retrieval.documents, retrieval.queries, models, shared)
                cells[task] += measure_cells(task, length, retrieval, passes, by)
    measured = [cell for each in cells.values() for cell in each]
    shortages = [*([missing] if missing else []), *absent(models), *reading(checkpoint), *sets.notes()]
    short = None
    if checkpoint is not original:
        observer.message("short inputs")
        exact = replace(models, checkpoint=checkpoint.in_float32(), original=original.in_float32())
        short = _fidelity(exact, tokens, setup)
        pairs = short_pairs(
            texts, checkpoint.encode, setup.short, documents=setup.documents, pool=setup.pool, split=setup.split,
            seed=setup.seed,
        )  # fmt: skip
        if pairs is None:
            shortages.append("short texts were not searched: the texts have no two paragraphs of two short sentences")
        else:
            passes = Passes(pairs.documents, pairs.queries, exact)
            measured += measure_cells(SHORT_TEXTS, setup.short + checkpoint.special, pairs, passes, by)
    found = contests(measured, setup.original_usable_length)
    pooled = compare_pooled(found)
    summaries = tuple(cell.summary() for cell in measured if cell.same_as is None)
    return EmbeddingResults(
        summaries, comparisons(measured), short, pooled, recommend(found, pooled), own, tuple(shortages)
    )


def _fidelity(models: Models, tokens: Sequence[Sequence[int]], setup: EvaluationSetup) -> Fidelity:
    assert setup.short is not None
    texts = short_texts(tokens, setup.documents, setup.short, setup.split, setup.seed)
    embedders = models.checkpoint, models.original
    vectors, reference = (unit(dense_rows(embedder.embed(texts))) for embedder in embedders)
    return fidelity(vectors, reference, setup.short)
