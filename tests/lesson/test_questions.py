"""The eight questions: their right answers, and that the proofs prove them."""

import pytest

from posembed.lesson.questions import LETTERS, QUESTIONS
from posembed.nn import LearnedPositionalEmbedding

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


def test_the_count_is_that_of_the_module():
    counts = [int(option.replace(",", "")) for option in QUESTIONS[6].options]
    table = LearnedPositionalEmbedding(512, 768).weight.numel()
    assert counts.index(table) == LETTERS.index(QUESTIONS[6].right)


def test_every_proof_is_computed_anew():
    assert all(question.proof() is not question.proof() for question in QUESTIONS)
    assert QUESTIONS[1].proof() != QUESTIONS[1].proof()  # the gradients of other random rows
