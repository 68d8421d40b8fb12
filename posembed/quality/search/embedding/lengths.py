"""Which lengths the documents of a search have, and how many there are of each."""

from __future__ import annotations

# Lengths beyond the old table's: more would divide the same time among them.
MOST_LENGTHS = 3
# Documents of each length, where the caller names no number. A pooled interval of two lengths is then about ± 0.1 wide
# after correction, and all-MiniLM-L6-v2 takes some minutes.
DOCUMENTS = 200
# Tokens of all documents of a length: a longer one has fewer documents, and takes about as long.
MOST_TOKENS = DOCUMENTS * 1024
# Documents of a length even so: of fewer, hardly any query has ten others to be ranked against.
LEAST_DOCUMENTS = 20


def longer_lengths(old: int, new: int) -> tuple[int, ...]:
    """Return lengths beyond the old table's up to the new one: its doublings and the new length itself, at most three.

    Example:
        >>> longer_lengths(512, 2048), longer_lengths(512, 700), longer_lengths(512, 8192)
        ((1024, 2048), (700,), (1024, 2048, 8192))
    """
    doubled, length = [], 2 * old
    while length < new:
        doubled.append(length)
        length *= 2
    if len(doubled) >= MOST_LENGTHS:
        doubled = doubled[: MOST_LENGTHS - 1]
    return (*doubled, new)


def documents_of(length: int, documents: int | None) -> int:
    """Return how many documents of a length are measured at most.

    Args:
        length: tokens per document.
        documents: what the caller asks for, ``None`` for the default.

    Example:
        >>> documents_of(1024, None), documents_of(8192, None), documents_of(8192, 64)
        (200, 25, 64)
    """
    if documents is not None:
        return documents
    return max(LEAST_DOCUMENTS, min(DOCUMENTS, MOST_TOKENS // length))
