"""Choose what the vector of a long text should become: on real titles and sections, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from posembed.errors import DataError
from posembed.observer import Observer
from posembed.quality.calibrate.request import Request
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.models.rows import unit
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.retrieval_set import RetrievalSet, make_requested
from posembed.quality.tasks.task import SetRequest
from posembed.quality.texts import load_documents
from posembed.records.calibration import DistillationTarget
from posembed.records.evaluate import Task

Vectors = NDArray[np.float32]
Ranks = dict[DistillationTarget, NDArray[np.float64]]

#: Tokens of a chunk with BERT's two special ones, tokens of the beginning, and the share of its vector beside the mean
#: of the chunks. Sentence models are trained on some 128 tokens, and many are shipped with a limit of 256; others read
#: all 512 well. In manuals, less of the beginning finds sections more often, and more of it titles.
CHUNKS, BEGINNINGS, SHARES = (128, 256, 512), (256, 512), (0.25, 0.5, 1.0)
# Training keeps less of the beginning than the target has, so as much of it as of the mean is asked for: with half of
# that, titles were found less often (python -m benchmarks.calibration_trials).
USUAL = DistillationTarget(128, 256, 1.0)
# Seconds of work on 2 cores for a small model; the standard error of a difference is then about 0.03.
_DOCUMENTS = 60
_LEAST_DOCUMENTS = 20
_LONGEST = 1024  # tokens of these documents: chunks of longer ones say the same, and take longer
# Standard errors by which another target must be better than the usual one: one of a dozen always looks best.
_CLEARLY = 1.0
TASKS: tuple[Task, ...] = ("title", "section")


def choose_target(request: Request, observer: Observer) -> tuple[DistillationTarget, str]:
    """Return the target by which titles and sections of the training texts rank their document best, and why.

    The model as it is embeds everything, so nothing is fitted but the choice itself. The test texts are not read.

    Args:
        request: of the calibration.
        observer: hears of it if cutting the documents ranks them as well.

    Raises:
        DataError: if there is nothing to read, or too little to split.
    """
    observer.message("comparing targets on titles and sections")
    embedder = EMBEDDING.load(
        request.path,
        request.precision,
        device=request.device,
        trust_remote_code=request.options.trust_remote_code,
    ).by_cosine()
    sets = _sets(request, embedder)
    if not sets:
        return USUAL, "the texts have too few long documents with titles or sections to choose a target by"
    limit = min(request.old, embedder.stored_limit or request.old)
    ranks, cut = _compare(sets, embedder, request.old, limit)
    chosen = clearly_best(ranks)
    reached = float(ranks[chosen].mean())
    documents = max(len(each.documents) for each in sets)
    why = (
        f"{_described(chosen)}: over titles and sections of {documents} documents its mean reciprocal rank is "
        f"{reached:.2f}, and {cut.mean():.2f} for documents cut to {limit} tokens"
    )
    if reached <= cut.mean():
        observer.message(
            f"on these texts a document cut to {limit} tokens ranks as well as any vector that the table is trained "
            "towards: calibration cannot be expected to find titles and sections better than cutting does"
        )
    return chosen, why


def clearly_best(ranks: Ranks) -> DistillationTarget:
    """Return the target with the highest mean, unless it is hardly above the usual one.

    Args:
        ranks: reciprocal rank of every query, in the same order for each target; the usual one is among them.

    Example:
        >>> better = DistillationTarget(256, 256, 0.5)
        >>> clearly_best({USUAL: np.array([0.5, 1.0, 0.5]), better: np.array([1.0, 1.0, 1.0])}) == better
        True
    """
    best = max(ranks, key=lambda target: float(ranks[target].mean()))
    differences = ranks[best] - ranks[USUAL]
    error = differences.std(ddof=1) / np.sqrt(len(differences)) if len(differences) > 1 else np.inf
    return best if differences.mean() > _CLEARLY * error else USUAL


def target_vectors(chunk_means: Vectors, beginnings: Vectors, share: float) -> Vectors:
    """Return the unit vectors of long texts: the mean of their chunks' vectors, and a share of the beginning's."""
    return unit(chunk_means + share * beginnings)


def tokens_read(size: int, embedder: Embedder, usable: int) -> int:
    """Return the tokens of a chunk or a beginning: a prompt is no part of its size, and no table is exceeded."""
    prompt = embedder.special - len(embedder.prefix) - len(embedder.suffix)
    return min(size + prompt, usable)


def _described(target: DistillationTarget) -> str:
    return (
        f"the mean of the vectors of {target.chunk}-token chunks + {target.share:g} × that of the first "
        f"{target.beginning} tokens"
    )


def _sets(request: Request, embedder: Embedder) -> list[RetrievalSet]:
    """Return the tasks on the longest documents of which there are enough."""
    data = request.options.data
    held_out = HeldOut([], [*load_documents(data, "train"), *load_documents(data, "validation")], everything=True)
    for length in sorted({min(request.length, _LONGEST), min(request.length, request.old + request.old // 4)})[::-1]:
        made = (real_set(task, held_out, length, embedder, _DOCUMENTS, request.options.seed) for task in TASKS)
        sets = [each for each in made if each is not None]
        if any(len(each.documents) >= _LEAST_DOCUMENTS for each in sets):
            return sets
    return []


def real_set(
    task: Task, held_out: HeldOut, length: int, embedder: Embedder, documents: int, seed: int
) -> RetrievalSet | None:
    """Return what is asked about documents of one length, all of them one pool; ``None`` where there are too few.

    Args:
        task: the task.
        held_out: the texts.
        length: tokens per document.
        embedder: whose tokens are counted.
        documents: at most.
        seed: random seed.
    """
    wanted = SetRequest(
        embedder.encode, "validation", length, length - embedder.special, documents, documents, seed, at_most=True
    )
    try:
        return make_requested(task, wanted, held_out)
    except DataError:
        return None


def _compare(
    sets: Sequence[RetrievalSet], embedder: Embedder, usable: int, limit: int
) -> tuple[Ranks, NDArray[np.float64]]:
    """Return the reciprocal rank of every query by each target, and by documents cut to ``limit`` tokens."""
    found: dict[DistillationTarget, list[NDArray[np.float64]]] = {}
    cut = []
    known: dict[tuple[int, ...], list[Vectors]] = {}
    chunks, beginnings = (_fitting(sizes, usable) for sizes in (CHUNKS, BEGINNINGS))

    def read(size: int) -> int:
        return tokens_read(size, embedder, usable)

    for made in sets:
        queries = embedder.embed(made.queries, queries=True)
        new = [text for text in made.documents if text not in known]  # the tasks ask about the same documents
        if new:
            embedded = {size: embedder.embed_chunks(new, size) for size in map(read, chunks)}
            means = [embedded[read(size)][0] for size in chunks]
            cut_at = [*map(read, beginnings), limit]
            cuts = {size: embedder.embed_truncated(new, size) for size in set(cut_at) - embedded.keys()}
            cuts |= {size: first for size, (_, first) in embedded.items()}  # a beginning is a first chunk
            known |= {
                text: [each[at] for each in (*means, *(cuts[size] for size in cut_at))] for at, text in enumerate(new)
            }
        columns = [np.stack(each) for each in zip(*(known[text] for text in made.documents), strict=True)]
        means, starts = columns[: len(chunks)], columns[len(chunks) : -1]
        for (chunk, mean), (beginning, start), share in product(
            zip(chunks, means, strict=True), zip(beginnings, starts, strict=True), SHARES
        ):
            vectors = target_vectors(mean, start, share)
            found.setdefault(DistillationTarget(chunk, beginning, share), []).append(_reciprocal(queries @ vectors.T))
        cut.append(_reciprocal(queries @ columns[-1].T))
    return {target: np.concatenate(each) for target, each in found.items()}, np.concatenate(cut)


def _fitting(sizes: Sequence[int], usable: int) -> list[int]:
    """Return the sizes that a table has rows for, or the smallest one, which is cut."""
    return [size for size in sizes if size <= usable] or [sizes[0]]


def _reciprocal(scores: Vectors) -> NDArray[np.float64]:
    """Return 1 over the rank of each query's own document, behind its equals; scores are ``[queries, documents]``."""
    own = np.diagonal(scores)[:, None]
    return np.asarray(1 / (scores >= own).sum(axis=1), dtype=np.float64)
