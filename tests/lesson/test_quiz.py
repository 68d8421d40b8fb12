import dataclasses

import pytest

from posembed.errors import WorkFailedError
from posembed.lesson.questions import LETTERS, QUESTIONS
from posembed.lesson.quiz import asker_of_lines, letter_of, run_quiz

RIGHT = "BBBBBBCB"


def test_the_right_letters():
    assert "".join(question.right for question in QUESTIONS) == RIGHT
    assert all(len(set(question.options)) == 4 for question in QUESTIONS)
    assert QUESTIONS[6].options[LETTERS.index("C")] == "393,216"


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (1, ["(512, 768)"]),
        (2, ["Parameter) → True", "0.000: the rows that were read learn"]),
        (3, ["bert-base: 512 rows × 768", "gpt2: 1024 rows × 768", "roberta-base: 514 rows × 768", "arXiv"]),
        (4, ["→ IndexError: position 512 has no row: the table has 512 rows"]),
        (5, ["position rows: 0"]),
        (6, ["learned 393,216, sinusoidal 0"]),
        (7, ["→ 393,216"]),
        (8, ["a learned table of 512 × 768", "arXiv:1810.04805"]),
    ],
)
def test_proofs_are_computed(number, parts):
    text = "\n".join(QUESTIONS[number - 1].proof())
    for part in parts:
        assert part in text


def test_rows_that_were_read_have_gradients():
    sizes = QUESTIONS[1].proof()[1].split(": ")[1].split(", ")
    assert [float(size) > 0 for size in sizes] == [True, True, True, False]


def test_a_whole_quiz():
    told = []
    given = iter("BBBBBBBB")
    results = run_quiz(lambda *_: next(given), lambda *each: told.append(each))
    assert (results["score"], results["questions"], len(told)) == (7, 8, 8)
    wrong = results["answers"][6]
    assert (wrong["given"], wrong["right"], wrong["correct"]) == ("B", "C", False)
    assert wrong["proof"] == QUESTIONS[6].proof()
    assert dataclasses.asdict(told[6][2])["given"] == "B"


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
    assert told == [f"{word!r} is no answer to question 3: A, B, C or D (or 1 to 4)" for word in ("x", "maybe")]
    with pytest.raises(WorkFailedError, match="the input ended before question 4 of 8"):
        ask(4, QUESTIONS[3])
