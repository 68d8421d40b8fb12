"""Documents and queries of one retrieval task at one length, each with the evidence at a known depth.

Three tasks ask about real documents (title, section, inverse cloze). The others hide their evidence in text; they are
of the kind of LongEmbed's (Zhu et al. 2024, arXiv:2404.12096), but made from local text. A document has exactly
``length`` tokens, special tokens included, and one query. Everything drawn follows from the split, the task, the length
and the seed alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posembed.errors import DataError, InvalidArgumentError
from posembed.quality.rng import generator
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.registry import TASKS
from posembed.quality.tasks.task import DEPTHS, Encode, SetRequest, TooFewDocumentsError
from posembed.records.choices import Split
from posembed.records.evaluate import SHORTEST_DOCUMENT, Task

__all__ = ["DEPTHS", "RetrievalSet", "make_set", "require_pools"]

# By default an interval is then about ± 0.06.
DOCUMENTS = 200
# A query is then ranked against at least nine others: by chance at most one in ten finds its document.
LEAST_DOCUMENTS = 10


@dataclass(frozen=True)
class RetrievalSet:
    """Documents and queries; query ``i`` belongs to document ``i``.

    Attributes:
        documents: token ids without special tokens.
        queries: token ids without special tokens.
        depths: stratum of the evidence in each document, 0 (start) to ``DEPTHS − 1``.
        pool: number of documents that a query is ranked against; pools follow each other, and the last may be smaller.
        sources: names of the real documents that they were cut from; without them each is one of its own.
    """

    documents: tuple[tuple[int, ...], ...]
    queries: tuple[tuple[int, ...], ...]
    depths: tuple[int, ...]
    pool: int
    sources: tuple[str, ...] = ()


def make_set(
    task: Task,
    length: int,
    encode: Encode,
    texts: Sequence[Sequence[int]] | HeldOut,
    *,
    split: Split = "test",
    documents: int | None = None,
    pool: int = 100,
    seed: int = 0,
    special: int = 2,
) -> RetrievalSet:
    """Make the documents and queries of one task at one length.

    Args:
        task: a name out of :data:`posembed.quality.tasks.registry.TASKS`.
        length: tokens per document, special tokens included.
        encode: text to token ids, without special tokens.
        texts: held-out texts of the split, in tokens; haystacks and paragraphs are cut from them. A :class:`HeldOut`
            has documents too, for the tasks that ask about real ones.
        split: decides which names and numbers occur; no two splits share one.
        documents: number of documents, a multiple of ``pool``. By default 200, or as many as the texts have if
            those are at least 10; they are then divided into pools that are as equal as possible.
        pool: documents that a query is ranked against.
        seed: random seed.
        special: special tokens that the model adds around a document.

    Raises:
        InvalidArgumentError: for an unknown task, or counts that do not fit.
        DataError: if the texts have too few documents of this length, or are too short.

    Example:
        >>> made = make_set("passkey", 256, lambda text: list(text.encode()), [], documents=5, pool=5)
        >>> len(made.documents), len(made.documents[0]), sorted(made.depths)
        (5, 254, [0, 1, 2, 3, 4])
    """
    if task not in TASKS:
        raise InvalidArgumentError(f"task={task!r} must be one of {', '.join(TASKS)}")
    wanted = default_documents(pool) if documents is None else documents
    request = SetRequest(encode, split, length, length - special, wanted, pool, seed, at_most=documents is None)
    return make_requested(task, request, texts if isinstance(texts, HeldOut) else HeldOut(texts))


def make_requested(task: Task, request: SetRequest, held_out: HeldOut) -> RetrievalSet:
    """Make the documents and queries of one task.

    Raises:
        InvalidArgumentError: for counts that do not fit.
        DataError: if the texts have too few documents of this length, or are too short.
    """
    require_pools(request.documents, request.pool)
    rng = generator("retrieval", task, request.split, request.length, request.seed)
    pairs = TASKS[task].pairs(request, held_out, rng)
    if any(len(pair.document) != request.body for pair in pairs):
        raise DataError(
            f"length={request.length} has no room for the evidence: give `lengths` of at least {SHORTEST_DOCUMENT} "
            "tokens"
        )
    needed = min(request.documents, LEAST_DOCUMENTS) if request.at_most else request.documents
    if len(pairs) < needed:
        reason = f"at least {needed} are needed" if request.at_most else f"documents={needed} asks for more"
        kind = "" if held_out.everything else f"{request.split} "
        more = "" if held_out.everything else ", or documents_from='all' if the model was not made with these texts"
        raise TooFewDocumentsError(
            task,
            request.length,
            f"{len(pairs)} of {len(held_out.documents)} {kind}documents are that long and have {TASKS[task].needs}; "
            f"{reason}: give more or longer documents in `data`, shorter `lengths`{more}",
        )
    pools = -(-len(pairs) // request.pool)
    return RetrievalSet(
        tuple(pair.document for pair in pairs),
        tuple(pair.query for pair in pairs),
        tuple(pair.stratum for pair in pairs),
        -(-len(pairs) // pools),
        tuple(pair.source for pair in pairs) if all(pair.source for pair in pairs) else (),
    )


def default_documents(pool: int) -> int:
    """Return the number of documents where the caller names none: 200, or the nearest number of whole pools."""
    return max(DOCUMENTS // pool, 1) * pool


def require_pools(documents: int, pool: int) -> None:
    """Refuse documents that make no whole pools.

    Raises:
        InvalidArgumentError: naming both numbers.
    """
    if pool < 2:
        raise InvalidArgumentError(f"pool={pool} must be at least 2")
    if documents < pool or documents % pool:
        raise InvalidArgumentError(f"documents={documents} must be a multiple of pool={pool}")
