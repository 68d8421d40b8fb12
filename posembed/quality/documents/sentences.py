"""Find the sentences of a plain text, in any script.

A small rule in place of a library: those that are kept either load a model for each language or know one language, and
a task only needs pieces that a reader would call sentences, at exact places.
"""

from __future__ import annotations

import re
import unicodedata

# A longer stretch without an end is no sentence that one would search with (a table, a script that marks no ends): it
# is cut at a space.
LONGEST = 400
# Share of letters in what is not space: below it lies code, a table, or a line of numbers and signs.
LEAST_LETTERS = 0.75
# Ends that a space and no lower-case letter must follow; and ends of scripts that put no space there: Chinese and
# Japanese, Devanagari, Urdu, Ethiopic, Burmese, Khmer, Armenian.
_END = re.compile(r"[.!?…؟][\"'”’»)\]]*(?=\s)|[。！？｡．।॥۔።။។։][\"'”’»」』）)\]]*")
# What breaks a text whatever its signs say: an empty line, and a new entry of a list.
_BREAK = re.compile(r"\n[ \t]*(?=\n)|\n(?=[ \t]*(?:[-*+•·–] |\(?\d+[.)] |:\w+[^:\n]*: ))")
# Words that end with a full stop within a sentence; so do single letters, such as initials.
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|approx|resp|ca|Dr|Mr|Mrs|Ms|Prof|St|Fig|No|Nr|Vol|bzw|z\.B|d\.h|M|Mme)|\b[^\W\d_])\.$"
)


def spans(text: str) -> list[tuple[int, int]]:
    r"""Return begin and end of each sentence of a text, in order; spaces around a sentence belong to none.

    Example:
        >>> text = "One of two, e.g. this. And\nthat!\n\n- an entry"
        >>> [text[begin:end] for begin, end in spans(text)]
        ['One of two, e.g. this.', 'And\nthat!', '- an entry']
    """
    found: list[tuple[int, int]] = []
    begin = 0
    for match in _BREAK.finditer(text):
        found += _in_block(text, begin, match.start())
        begin = match.end()
    return found + _in_block(text, begin, len(text))


def _in_block(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    found = []
    for match in _END.finditer(text, begin, end):
        if _ends(text, begin, match.end(), end):
            found += _pieces(text, begin, match.end())
            begin = match.end()
    return found + _pieces(text, begin, end)


def _ends(text: str, begin: int, at: int, end: int) -> bool:
    following = text[at:end].lstrip()[:1]
    return not following.islower() and _ABBREVIATION.search(text, max(begin, at - 10), at) is None


def _pieces(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    """Return the stretch without the spaces around it, in pieces where it is too long for a sentence."""
    found = []
    while begin < end:
        stop = end
        if end - begin > LONGEST:
            space = max(
                text.rfind(" ", begin + LONGEST // 2, begin + LONGEST), text.rfind("\n", begin + 1, begin + LONGEST)
            )
            stop = space if space > begin else begin + LONGEST
            while stop < end and unicodedata.combining(text[stop]):  # not inside a character
                stop += 1
        piece = text[begin:stop]
        left, right = len(piece) - len(piece.lstrip()), len(piece.rstrip())
        if left < right:
            found.append((begin + left, begin + right))
        begin = stop
    return found


def is_prose(text: str) -> bool:
    """Return whether a text is mostly letters, of whatever script, rather than code, signs or numbers.

    Example:
        >>> is_prose("Cats eat mice."), is_prose("猫は鼠を食べる。"), is_prose("x[0] = {1: (2, 3)}")
        (True, True, False)
    """
    signs = [sign for sign in text if not sign.isspace()]
    letters = sum(unicodedata.category(sign)[0] in "LM" for sign in signs)
    return letters >= LEAST_LETTERS * max(len(signs), 1)
