"""Retrieval among short texts: the first sentence of a paragraph, and the rest of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from posembed.quality.rng import generator
from posembed.quality.tasks.retrieval_set import RetrievalSet

TASK = "short texts"
# Words of a sentence, and of the rest, that say something: fewer are headings and fragments.
LEAST_WORDS = 4
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
# The end of a sentence: its mark and white space behind it, or one of the marks of Chinese, Japanese and Hindi.
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？।])\s*")


def short_pairs(
    texts: Sequence[str],
    encode: Callable[[str], list[int]],
    longest: int,
    *,
    documents: int,
    pool: int,
    split: str,
    seed: int,
) -> RetrievalSet | None:
    r"""Return pairs of a first sentence and the rest of its paragraph; ``None`` if there are not two of them.

    Args:
        texts: held-out documents.
        encode: text to token ids, without special tokens.
        longest: tokens of the longest text, without special tokens; longer paragraphs are left out.
        documents: number of pairs at most.
        pool: rests that each sentence is ranked against; fewer if there are fewer pairs.
        split: name of the set that the texts are from.
        seed: random seed.

    Example:
        >>> text = "The cat sat on the mat. It did not want to move.\n\nA dog ran over the road. A man ran after it."
        >>> found = short_pairs([text], lambda part: list(part.encode()), 99, documents=9, pool=9, split="test", seed=0)
        >>> sorted(bytes(query).decode() for query in found.queries)
        ['A dog ran over the road.', 'The cat sat on the mat.']
    """
    paragraphs = dict.fromkeys(" ".join(part.split()) for text in texts for part in _PARAGRAPH.split(text))
    halves = [(ends[0], " ".join(ends[1:])) for part in paragraphs if len(ends := _SENTENCE_END.split(part)) > 1]
    # A text in a script without spaces is one word; there characters count instead.
    halves = [pair for pair in halves if all(len(half.split()) >= LEAST_WORDS or _unspaced(half) for half in pair)]
    order = generator("short pairs", split, longest, seed).permutation(len(halves))
    pairs: dict[tuple[int, ...], tuple[int, ...]] = {}
    taken: set[tuple[int, ...]] = set()
    for number in order.tolist():
        sentence, rest = (tuple(encode(half)) for half in halves[number])
        if sentence in pairs or rest in taken or not 0 < len(sentence) <= longest or not 0 < len(rest) <= longest:
            continue
        pairs[sentence] = rest
        taken.add(rest)
        if len(pairs) == documents:
            break
    if len(pairs) < 2:
        return None
    count = len(pairs) if len(pairs) < pool else len(pairs) // pool * pool
    return RetrievalSet(tuple(pairs.values())[:count], tuple(pairs)[:count], (0,) * count, min(pool, count))


def _unspaced(text: str) -> bool:
    return len(text) >= 2 * LEAST_WORDS and len(text.split()) == 1
