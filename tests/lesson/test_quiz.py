import pytest

from posembed.errors import WorkFailedError
from posembed.lesson.questions import QUESTIONS
from posembed.lesson.quiz import QuizResult, asker_of_lines, letter_of, run_quiz


def test_a_whole_quiz():
    told = []
    given = iter("BBBBBBBB")
    results = run_quiz(lambda *_: next(given), lambda *each: told.append(each))
    assert (results.score, results.questions, len(told)) == (7, 8, 8)
    wrong = results.answers[6]
    assert (wrong.given, wrong.right, wrong.correct) == ("B", "C", False)
    assert wrong.proof == tuple(QUESTIONS[6].proof())
    assert told[6][2] is wrong
    plain = results.to_dict()
    assert list(plain) == ["schema", "schema_version", "answers", "score", "questions"]
    assert (plain["schema"], plain["schema_version"]) == ("posembed.quiz", 1)
    assert list(plain["answers"][0]) == ["question", "given", "right", "correct", "proof"]
    assert QuizResult.from_dict(plain) == results


@pytest.mark.parametrize(
    ("line", "letter"),
    [("b", "B"), (" C \n", "C"), ("1", "A"), ("4", "D"), ("5", None), ("", None), ("AB", None), ("²", None)],
)
def test_letters(line, letter):
    assert letter_of(line) == letter


def test_lines_that_mean_nothing_are_told():
    told = []
    ask = asker_of_lines(["\n", "x\n", "maybe\n", "c\n"], told.append)
    assert ask(3, QUESTIONS[2]) == "C"
    assert told == [f"{word!r} is not an answer to question 3: A, B, C or D (or 1 to 4)" for word in ("x", "maybe")]
    with pytest.raises(WorkFailedError, match="the input ended before question 4 of 8"):
        ask(4, QUESTIONS[3])
