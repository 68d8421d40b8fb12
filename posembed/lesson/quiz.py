"""Ask the eight questions, keep score, and read answers from lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from posembed.errors import WorkFailedError
from posembed.lesson.questions import LETTERS, QUESTIONS, Question
from posembed.records.base import Record, Result

Ask = Callable[[int, Question], str]
Tell = Callable[[int, Question, "Answer"], None]


@dataclass(frozen=True)
class Answer(Record):
    """One answer.

    Attributes:
        question: text of the question.
        given: letter that was chosen.
        right: letter of the right answer.
        correct: whether they are the same.
        proof: lines that the library computed.
    """

    question: str
    given: str
    right: str
    correct: bool
    proof: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class QuizResult(Result):
    """All answers and the score; :meth:`to_dict` is what ``posembed quiz --json`` prints (docs/formats/quiz.md)."""

    schema: str = "posembed.quiz"
    schema_version: int = 1
    answers: tuple[Answer, ...]
    score: int
    questions: int


def run_quiz(ask: Ask, tell: Tell = lambda *_: None) -> QuizResult:
    """Ask every question, and return answers and score.

    Args:
        ask: returns the letter for a question, given its number and the question.
        tell: called after each answer.
    """
    answers = []
    for number, question in enumerate(QUESTIONS, start=1):
        given = ask(number, question)
        answer = Answer(question.text, given, question.right, given == question.right, tuple(question.proof()))
        answers.append(answer)
        tell(number, question, answer)
    score = sum(answer.correct for answer in answers)
    return QuizResult(answers=tuple(answers), score=score, questions=len(QUESTIONS))


def letter_of(text: str) -> str | None:
    r"""Return the letter that a line means: a to d in either case, or 1 to 4; ``None`` for anything else.

    Example:
        >>> letter_of(" b\n"), letter_of("3"), letter_of("both")
        ('B', 'C', None)
    """
    word = text.strip().upper()
    if len(word) == 1 and word in LETTERS:
        return word
    return LETTERS[int(word) - 1] if word in ("1", "2", "3", "4") else None


def asker_of_lines(lines: Iterable[str], complain: Callable[[str], None]) -> Ask:
    """Return a function that answers from lines; lines that mean no letter are skipped, with a complaint.

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
                complain(f"{line.strip()[:40]!r} is not an answer to question {number}: A, B, C or D (or 1 to 4)")
        raise WorkFailedError(
            f"the input ended before question {number} of {len(QUESTIONS)}: give one line with A, B, C or D for each"
        )

    return ask
