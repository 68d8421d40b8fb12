"""Texts that are written anew from time to time: helps, the lesson, the quiz. Compared only on demand."""

from __future__ import annotations

from benchmarks.golden.execution import Call

_COMMANDS = ("compare", "inspect", "extend", "evaluate", "calibrate", "lesson", "quiz")


def words() -> list[Call]:
    """The help of every command, the lesson as text and as a page, the quiz answered through a pipe."""
    made = [Call(f"help-{name}", (name, "--help")) for name in _COMMANDS]
    made += [
        Call("help", ("--help",)),
        Call("no-arguments", ()),
        Call("version", ("--version",)),
        Call("lesson-text", ("lesson", "--checkpoint", "bert")),
        Call("lesson-text-roberta", ("lesson", "--checkpoint", "roberta")),
        Call("lesson-page", ("lesson", "--checkpoint", "bert", "--html", "OUT.html")),
    ]
    return made


def teaching() -> list[Call]:
    """What of the lesson and the quiz is no wording: scores."""
    answers = {"all-b": "B\n" * 8, "numbers": "1\n2\n3\n4\n1\n2\n3\n4\n", "mistakes": "b\nboth\n2\nb\nb\nb\nb\nc\nb\n"}
    return [Call(f"quiz-{name}", ("quiz", "--json"), stdin=text) for name, text in answers.items()]
