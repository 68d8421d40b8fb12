"""``posembed quiz``: ask eight questions and prove each answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from posembed.cli.command import command
from posembed.cli.keys import Keys
from posembed.cli.output import print_json, say
from posembed.errors import WorkFailedError, WorkInterruptedError
from posembed.report.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from posembed.lesson.questions import Question
    from posembed.lesson.quiz import Answer, QuizResult, Tell

_UP, _DOWN = ("\x1b[A", "\x1bOA", "\xe0H"), ("\x1b[B", "\x1bOB", "\xe0P")


@command()
def quiz(
    *,
    as_json: Annotated[
        bool,
        Parameter(help="Print one JSON document on standard output; questions are printed to standard error."),
    ] = False,
) -> None:
    """Eight questions on learned positions, each answer proved by the library.

    In a terminal: arrow keys and Enter, or a letter. Elsewhere one line with a letter for each question is read.
    """
    from rich.console import Console

    console = Console(stderr=as_json, highlight=False, soft_wrap=not sys.stdout.isatty())

    def tell(_number: int, _question: Question, answer: Answer) -> None:
        verdict = "right" if answer.correct else f"no: {answer.right} is right"
        console.print(f"{answer.given} – {verdict}", style="green" if answer.correct else "red", markup=False)
        for line in answer.proof:
            console.print(f"  {printable(line)}", markup=False)
        console.print()

    try:
        results = _run(console, tell)
    except KeyboardInterrupt:
        raise WorkInterruptedError("stopped before the last question: no score") from None
    console.print(f"Score: {results.score} of {results.questions}", style="bold")
    if as_json:
        print_json(results.to_dict())


def _run(console: Console, tell: Tell) -> QuizResult:
    """By keys in a terminal, by lines elsewhere."""
    from posembed.lesson.quiz import asker_of_lines, run_quiz

    if sys.stdin is None:
        raise WorkFailedError("standard input is closed: give one line with A, B, C or D for each question")
    if sys.stdin.isatty() and console.is_terminal:  # keys make sense only where the questions can be seen
        keys = Keys()
        return run_quiz(lambda number, question: _ask_by_keys(console, keys, number, question), tell)
    lines = asker_of_lines(sys.stdin, say)

    def ask(number: int, question: Question) -> str:
        _show(console, number, question, None)
        return lines(number, question)

    return run_quiz(ask, tell)


def _show(console: Console, number: int, question: Question, chosen: int | None) -> None:
    console.print(_words(number, question, chosen), markup=False)


def _words(number: int, question: Question, chosen: int | None) -> str:
    from posembed.lesson.questions import LETTERS, QUESTIONS

    lines = [f"{number} of {len(QUESTIONS)}. {question.text}"]
    for place, (letter, option) in enumerate(zip(LETTERS, question.options, strict=True)):
        lines.append(f"{'>' if place == chosen else ' '} {letter}  {option}")
    return "\n".join(lines)


def _ask_by_keys(console: Console, keys: Keys, number: int, question: Question) -> str:
    """A letter from the keyboard: typed, or chosen with the arrow keys and Enter."""
    from rich.live import Live
    from rich.text import Text

    from posembed.lesson.questions import LETTERS, QUESTIONS
    from posembed.lesson.quiz import letter_of

    chosen = 0
    with Live(Text(_words(number, question, chosen)), console=console, auto_refresh=False) as live:
        while True:
            try:
                key = keys.next()
            except EOFError:
                raise WorkFailedError(f"the input ended before question {number} of {len(QUESTIONS)}") from None
            if key in ("\r", "\n"):
                return LETTERS[chosen]
            letter = letter_of(key)
            if letter is not None:
                live.update(Text(_words(number, question, LETTERS.index(letter))), refresh=True)
                return letter
            chosen = (chosen + (key in _DOWN) - (key in _UP)) % len(LETTERS)
            live.update(Text(_words(number, question, chosen)), refresh=True)
