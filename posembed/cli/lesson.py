"""The commands that teach: ``lesson`` and ``quiz``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from posembed.cli.output import prepare_html, standard_output, write_html
from posembed.errors import WorkFailedError, WorkInterruptedError

if TYPE_CHECKING:
    from rich.console import Console

    from posembed.lesson.questions import Question
    from posembed.lesson.quiz import Answer, Tell

_UP, _DOWN = ("\x1b[A", "\x1bOA", "\xe0H"), ("\x1b[B", "\x1bOB", "\xe0P")


def lesson(
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the lesson as one offline page with moving parts.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="A text model whose table is shown; by default all-MiniLM-L6-v2, where it is installed."
        ),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A results.json of posembed compare to show in place of the kept one."),
    ] = None,
) -> None:
    """Explain learned positions; each number is computed, or from a kept run. As text, or with --html as a page."""
    if html is not None:
        prepare_html(html)
    from posembed.lesson.content import build_lesson

    sections = build_lesson(checkpoint, results)
    if html is None:
        from posembed.lesson.terminal import print_lesson

        print_lesson(sections, standard_output())
        return
    from posembed.lesson.page import lesson_page

    write_html(html, lesson_page(sections))


def quiz(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on standard output; the questions go elsewhere.")
    ] = False,
) -> None:
    """Eight questions on learned positions, each answer proved by the library.

    In a terminal: arrow keys and Enter, or a letter. Elsewhere one line with a letter for each question is read.
    """
    from rich.console import Console

    from posembed.report.printable import printable

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
    console.print(f"Score: {results['score']} of {results['questions']}", style="bold")
    if as_json:
        print(json.dumps(results, indent=1))


def _run(console: Console, tell: Tell) -> dict[str, Any]:
    """By keys in a terminal, by lines elsewhere."""
    from posembed.lesson.quiz import asker_of_lines, run_quiz
    from posembed.report.printable import printable

    if sys.stdin is None:
        raise WorkFailedError("standard input is closed: give one line with A, B, C or D for each question")
    if sys.stdin.isatty() and console.is_terminal:  # keys make sense only where the questions can be seen
        keys = _Keys()
        return run_quiz(lambda number, question: _ask_by_keys(console, keys, number, question), tell)
    lines = asker_of_lines(sys.stdin, lambda sentence: print(f"posembed: {printable(sentence)}", file=sys.stderr))

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


class _Keys:
    """Key presses one at a time: a terminal hands over several at once where they were typed fast, or pasted."""

    def __init__(self) -> None:
        self.waiting: list[str] = []

    def next(self) -> str:
        """The next key; Ctrl-C and the end of input come as KeyboardInterrupt and EOFError."""
        import click

        if not self.waiting:
            self.waiting = re.findall(r"\x1b[\[O].|\xe0.|.", click.getchar(), re.DOTALL)
        key = self.waiting.pop(0)
        if key == "\x03":
            raise KeyboardInterrupt
        if key == "\x04":
            raise EOFError
        return key


def _ask_by_keys(console: Console, keys: _Keys, number: int, question: Question) -> str:
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
