"""Ask the eight questions: with keys in a terminal, by lines anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from posembed.errors import WorkFailedError
from posembed.lesson.questions import LETTERS, QUESTIONS, Question

Ask = Callable[[int, Question], str]
Tell = Callable[[int, Question, "Answer"], None]


@dataclass(frozen=True)
class Answer:
    """What was answered.

    Attributes:
        question: the question's text.
        given: letter of the answer.
        right: letter of the right one.
        correct: whether they are the same.
        proof: the lines that the library computed.
    """

    question: str
    given: str
    right: str
    correct: bool
    proof: tuple[str, ...]


def run_quiz(ask: Ask, tell: Tell = lambda *_: None) -> dict[str, Any]:
    """Ask every question; returns answers and score as plain values.

    Args:
        ask: gives the letter for a question, by its number and itself.
        tell: is called after each answer.
    """
    answers = []
    for number, question in enumerate(QUESTIONS, start=1):
        given = ask(number, question)
        answer = Answer(question.text, given, question.right, given == question.right, tuple(question.proof()))
        answers.append(answer)
        tell(number, question, answer)
    return {
        "schema": "posembed.quiz",
        "schema_version": 1,
        "answers": [asdict(answer) | {"proof": list(answer.proof)} for answer in answers],
        "score": sum(answer.correct for answer in answers),
        "questions": len(QUESTIONS),
    }


def letter_of(text: str) -> str | None:
    r"""The letter that a line means: a to d in either case, or 1 to 4; ``None`` for anything else.

    Example:
        >>> letter_of(" b\n"), letter_of("3"), letter_of("both")
        ('B', 'C', None)
    """
    word = text.strip().upper()
    if len(word) == 1 and word in LETTERS:
        return word
    return LETTERS[int(word) - 1] if word in ("1", "2", "3", "4") else None


def asker_of_lines(lines: Iterable[str], complain: Callable[[str], None]) -> Ask:
    """Answers from lines; empty ones and those that mean no letter are passed over with a word.

    Raises:
        WorkFailedError: by the returned function, where the input ends before the last question.
    """
    source = iter(lines)

    def ask(number: int, _question: Question) -> str:
        for line in source:
            letter = letter_of(line)
            if letter is not None:
                return letter
            if line.strip():
                complain(f"{line.strip()[:40]!r} is no answer to question {number}: A, B, C or D (or 1 to 4)")
        raise WorkFailedError(
            f"the input ended before question {number} of {len(QUESTIONS)}: give one line with A, B, C or D for each"
        )

    return ask
