"""The query of the task cloze."""

from posembed.quality.tasks.cloze import CLOZE
from posembed.quality.tasks.excerpt import Excerpt, Question


def test_the_query():
    questions = {"title": Question((1,), 0.0), "section": Question((2,), 0.5), "sentence": Question((3,), 0.9)}
    assert CLOZE.question(Excerpt((7, 8), **questions)) == questions["sentence"]
    assert CLOZE.question(Excerpt((7, 8), **(questions | {"sentence": None}))) is None
    assert CLOZE.name == "cloze"
