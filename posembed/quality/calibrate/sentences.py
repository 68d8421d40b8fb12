"""Made sentences: facts that a long document hides, each with a question, and fillers that carry little meaning.

Their words come from the caller's own text. What a table learns depends much on what surrounds the evidence, so fillers
are of many kinds: plain sentences, lists, timetables, words without order. No filler and no fact is one of those of
``posembed evaluate``; the people have other names.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

Word = Callable[[], str]
FIRST = (
    *("Agnes", "Anton", "Beatrix", "Bernard", "Camille", "Cedric", "Claudia", "Cyrus", "Dora", "Duncan", "Eleanor"),
    *("Emil", "Esther", "Ewan", "Fiona", "Florian", "Gloria", "Gustav", "Hanna", "Harold", "Imogen", "Isaac"),
    *("Jasmine", "Joel", "Karin", "Kenneth", "Lena", "Leonard", "Lydia", "Magnus", "Margaret", "Matthias", "Naomi"),
    *("Nicholas", "Odette", "Oliver", "Pamela", "Philip", "Priya", "Ralph", "Ramona", "Rupert", "Sabine", "Sebastian"),
    *("Sofia", "Sven", "Teresa", "Theodor", "Ulrike", "Valentin", "Viola", "Wanda", "Wilhelm", "Xavier", "Yvonne"),
)
LAST = (
    *("Arnold", "Barker", "Bauer", "Becker", "Bishop", "Brandt", "Burke", "Carver", "Chapman", "Cole", "Crawford"),
    *("Dalton", "Dawson", "Decker", "Ellis", "Farmer", "Fleming", "Fuller", "Gibson", "Grant", "Greene", "Hale"),
    *("Hansen", "Harper", "Hayes", "Henderson", "Holmes", "Hughes", "Jacobs", "Kaufman", "Kim", "Klein", "Lambert"),
    *("Lang", "Lopez", "Lund", "Marsh", "Mendoza", "Morgan", "Murphy", "Nakamura", "Nguyen", "Parker", "Patel"),
    *("Pearson", "Perez", "Porter", "Ramos", "Reed", "Richter", "Rogers", "Sanders", "Santos", "Sharma", "Silva"),
    *("Singh", "Sutton", "Torres", "Vargas", "Walsh", "Weber", "Winter", "Wolf", "Yamamoto"),
)
# Evidence and question: {p} a person, {n} a number, {w} one word or two.
FACTS = {
    "train": (
        ("{p}'s ticket number is {n}. Please note the ticket number {n} for {p}.", "What is {p}'s ticket number?"),
        ("The account {n} was opened by {p}.", "Which account did {p} open?"),
        ("{p} works in office {n}. The office of {p} is {n}.", "Where is the office of {p}?"),
        ("{p} was born in the year {n}.", "When was {p} born?"),
        ("Order {n} was placed by {p}. It will be sent to {p} next week.", "Which order did {p} place?"),
        ("The winner was {p} with {n} points.", "How many points did {p} score?"),
        ("{p} lives at {n} {w} street.", "What is the address of {p}?"),
        ("The favourite word of {p} is {w}.", "What is {p}'s favourite word?"),
        ("{p} wrote a book about {w}.", "What is the book of {p} about?"),
        ("Ask {p} about {w}. {p} knows everything about {w}.", "Whom can I ask about {w}?"),
        ("{p} is in charge of {w}, and {n} people report to {p}.", "What is {p} in charge of?"),
        ("On day {n} {p} left for {w}.", "Where did {p} go?"),
        ("The secret of {p} is {w}. Do not forget it: {w}.", "What is the secret of {p}?"),
        ("{p} paid {n} for the {w}.", "How much did {p} pay for the {w}?"),
        ("The serial number of the {w} is {n}. Serial number {n} means {w}.", "What is the serial number of the {w}?"),
        ("There is a {w} hidden here, and it belongs to {p}.", "Who owns the {w}?"),
        ("{p}: {n}.", "{p}"),
        ("Reminder: the meeting with {p} about {w} is in room {n}.", "meeting with {p}"),
        ("{p} said: {w}.", "What did {p} say?"),
        ("Patient {p} received {n} units of {w}. {p} is doing well.", "treatment of patient {p}"),
    ),
    "validation": (
        ("The licence plate of {p} is {n}. {n} is registered to {p}.", "What is the licence plate of {p}?"),
        ("{p} sold the {w} to a neighbour.", "What did {p} sell?"),
        ("{p} can be reached under extension {n}.", "What is the extension of {p}?"),
        ("The shipment of {w} arrived for {p} at gate {n}.", "Which gate did {p}'s shipment arrive at?"),
    ),
}
# {a}, {b}, {c} words, {A} the first one capitalized, {n}, {m} numbers below 100.
_PLAIN: tuple[str, ...] = (
    *("The {a} is {b}.", "A {a} and a {b}.", "There is no {a}.", "We see the {a}.", "It is {a}, and the {b} is {c}."),
    *("They {a} all day.", "Here comes the {a}.", "Some {a} are {b}, others are {c}.", "{A} again, and {b}."),
    *(
        "I like {a} more than {b}.",
        "You can {a} or {b}.",
        "The {a} of the {b} was {c}.",
        "He went to the {a} with a {b}.",
    ),
    *("She had a {a}; it was {b}.", "Is it a {a}? No, a {b}.", "This {a} looks like that {b}.", "Nothing but {a}."),
    *("Do not {a} the {b}.", "When the {a} came, the {b} left.", "{A} is {b} and {c}."),
)
_LISTED: tuple[str, ...] = (
    *(
        "{A}, {n} {b}.",
        "{A}: {b}, {c}.",
        "{n} {a}, {m} {b}.",
        "- {a}\n",
        "{A} {n}, {b} {m}.",
        "Item {n}: {a}.",
        "{A} ({n}).",
    ),
    *(
        "{n}. {A} {b}",
        "{A} = {n};",
        "{A} | {b} | {n} |",
        "{a}/{b}/{c}",
        "{A} at {n} o'clock.",
        "Day {n}: {a}.",
        "[{n}] {a} {b}",
    ),
)
# Shares found by trial on validation documents (docs/measured/calibration.md, "What this is not"): every kind of filler
# and of name must be met, or what is learned for one does not hold for the others.
_USUAL_NAMES = 0.7  # of the groups of facts; in the others the text's own words are names, so names alone do not help
_WITHOUT_ORDER, _PLAIN_ONLY, _LISTED_ONLY = 0.2, 0.5, 0.2  # of the fillers; the rest mixes plain and listed sentences
_FEW_FORMS = 0.3  # of the fillers made of sentences: as monotonous as the fillers of a passkey test
_MOST_WORDS, _MOST_SENTENCES, _MOST_FORMS = 29, 8, 3  # in a filler; the last where it has few forms
_LEAST_NAMES = 4  # first and last names of a group, before the square root of its documents is added
_MOST_DIGITS = 6  # of a number
_ONE_WORD = 0.5  # of the things are one word, the others two


def filler(word: Word, rng: np.random.Generator) -> str:
    """Return one to eight sentences, or up to 29 words without order, to be repeated until a document is full.

    Example:
        >>> len(filler(lambda: "tree", np.random.default_rng(0))) > 0
        True
    """
    share = rng.random()
    if share < _WITHOUT_ORDER:
        return " ".join(word() for _ in range(int(rng.integers(1, _MOST_WORDS + 1))))
    forms = _PLAIN if share < _WITHOUT_ORDER + _PLAIN_ONLY else _LISTED
    forms = (*_PLAIN, *_LISTED) if share >= _WITHOUT_ORDER + _PLAIN_ONLY + _LISTED_ONLY else forms
    if rng.random() < _FEW_FORMS:
        count = int(rng.integers(1, _MOST_FORMS + 1))
        forms = tuple(forms[number] for number in rng.integers(0, len(forms), count))
    sentences = []
    for _ in range(int(rng.integers(1, _MOST_SENTENCES + 1))):
        a, b, c = word(), word(), word()
        n, m = rng.integers(1, 100, 2)
        form = forms[int(rng.integers(len(forms)))]
        sentences.append(form.format(a=a, A=a.capitalize(), b=b, c=c, n=n, m=m))
    return " ".join(sentences)


def facts(count: int, split: str, word: Word, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return ``count`` facts of one form, each with the question that it alone answers.

    Args:
        count: number of facts.
        split: ``"train"`` or ``"validation"``; they share no form.
        word: returns a random word.
        rng: random numbers.

    Example:
        >>> words = iter(range(10**6))
        >>> len(dict(facts(8, "train", lambda: f"word{next(words)}", np.random.default_rng(0))))
        8
    """
    evidence, question = FACTS[split][int(rng.integers(len(FACTS[split])))]
    usual = rng.random() < _USUAL_NAMES
    # Few first and last names in a group: half a name must not be enough.
    least = _LEAST_NAMES + math.isqrt(count)
    first = rng.permutation(FIRST)[: int(rng.integers(least, len(FIRST) + 1))]
    last = rng.permutation(LAST)[: int(rng.integers(least, len(LAST) + 1))]
    digits = int(rng.integers(1, _MOST_DIGITS + 1))
    by_question: dict[str, tuple[str, str]] = {}
    tries = 0
    while len(by_question) < count:
        tries += 1
        of_words = not usual and tries <= 2 * count  # the text's words may be too few for different names
        person = f"{word().title()} {word().title()}" if of_words else f"{rng.choice(first)} {rng.choice(last)}"
        thing = word() if rng.random() < _ONE_WORD else f"{word()} {word()}"
        values = {"p": person, "n": int(rng.integers(10 ** (digits - 1), 10**digits)), "w": thing}
        asked = question.format(**values)
        by_question.setdefault(asked, (evidence.format(**values), asked))
    return list(by_question.values())
