"""Evaluate a sentence-embedding model: retrieval at each length, and the change in short inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from posembed.errors import InvalidArgumentError
from posembed.observer import SILENT, Observer
from posembed.quality.evaluate.evaluator import Evaluator, require_same_vocabulary
from posembed.quality.evaluate.fidelity import fidelity, short_texts
from posembed.quality.evaluate.ranking import TRUNCATED, Cell, comparisons, hits, systems
from posembed.quality.evaluate.words import NOT_COMPARED, significance
from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.retrieval_set import default_documents, require_pools
from posembed.quality.tasks.sets import SetMaker, read_held_out
from posembed.records.evaluate import TASK_NAMES, EvaluateOptions
from posembed.records.evaluation import EmbeddingResults, EvaluationSetup, Shortage

# Powers of two from a quarter of the length that most embedding models take to eight times that length.
LENGTHS = (128, 256, 512, 1024, 2048, 4096)
# Longest short text in tokens, without special ones: with BERT's two it fills the shortest of LENGTHS.
SHORT = 126


class EmbeddingEvaluator(Evaluator[Embedder, EmbeddingResults]):
    """Retrieval compared with truncation and chunk averaging, and fidelity to the original."""

    def default_lengths(self, _usable: int, _original: int) -> tuple[int, ...]:
        """Return the same lengths for every model, so that results can be compared."""
        return LENGTHS

    def check(self, options: EvaluateOptions) -> None:
        """Refuse an empty list of tasks, and documents that make no whole pools."""
        if options.tasks is not None and not options.tasks:
            raise InvalidArgumentError(f"`tasks` is empty; choose from {', '.join(TASK_NAMES)}")
        if options.documents is not None:
            require_pools(options.documents, options.pool)

    def setup(
        self, options: EvaluateOptions, checkpoint: Embedder, original: Embedder, usable: tuple[int, int]
    ) -> EvaluationSetup:
        """Return the setup, with the longest short text that both models read."""
        widths = {embedder.model.config.hidden_size for embedder in (checkpoint, original)}
        require_same_vocabulary(checkpoint, original, same_width=len(widths) == 1)
        longest = min(usable) - checkpoint.special
        if options.short is not None and not 1 <= options.short <= longest:
            raise InvalidArgumentError(
                f"short={options.short} must be between 1 and {longest}, which is what both models take"
            )
        short = min(SHORT, longest) if options.short is None else options.short
        return self.common_setup(
            replace(options, documents=options.documents or default_documents(options.pool)), usable,
            tasks=options.tasks or TASK_NAMES, pool=options.pool, short=short, shortage=_shortage(options),
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
        """Return a sentence for each comparison with truncation, and one about short inputs."""
        sentences = [
            f"{each.task} at {each.length} tokens: checkpoint − truncated = {each.mean:+.3f} "
            f"({each.low:+.3f} to {each.high:+.3f}), corrected p {each.p_holm:.2g}: "
            f"{significance(each.mean, each.p_holm)}"
            for each in results.comparisons
            if each.second == TRUNCATED
        ]
        short = results.fidelity
        if short is not None:
            sentences.append(
                f"Short inputs (up to {short.longest} tokens): cosine to the original {short.cosine.mean:.4f}, minimum "
                f"{short.cosine.least:.4f}; {short.equal} of {short.texts} vectors equal bit for bit"
            )
        if not compared:
            sentences.append(NOT_COMPARED)
        return tuple(sentences)


def _shortage(options: EvaluateOptions) -> Shortage:
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
    """Measure retrieval at each length, and fidelity to the original on short inputs.

    Documents longer than the checkpoint takes are given to the baselines alone. Without an original (the checkpoint
    takes its place) a baseline that would cut nothing is left out, and so is fidelity: a model equals itself.

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
    sets = SetMaker(setup, checkpoint.encode, read_held_out(setup, tokens), checkpoint.special)
    measured = systems(checkpoint, original, setup.usable_length, setup.original_usable_length)
    cells = []
    for task in setup.tasks:
        for length in setup.lengths:
            observer.message(f"{task} at {length} tokens")
            retrieval = sets.make(task, length)
            if retrieval is None:
                continue
            queries = original.embed(retrieval.queries)
            own_queries = queries if checkpoint is original else checkpoint.embed(retrieval.queries)
            for system in measured:
                if not system.measures(length):
                    continue
                outcomes = hits(
                    retrieval, system.embed(retrieval.documents), queries if system.baseline else own_queries
                )
                depths = np.asarray(retrieval.depths, dtype=np.int64)
                cells.append(Cell(task, length, system.name, system.baseline, outcomes, depths))
    summaries, compared = tuple(cell.summary() for cell in cells), comparisons(cells)
    if checkpoint is original:
        return EmbeddingResults(summaries, compared, None, sets.notes())
    observer.message("short inputs")
    short = short_texts(tokens, setup.documents, setup.short, setup.split, setup.seed)
    vectors, reference = (embedder.in_float32().embed(short) for embedder in (checkpoint, original))
    return EmbeddingResults(summaries, compared, fidelity(vectors, reference, setup.short), sets.notes())
