"""The query of the task section."""

from posembed.quality.tasks.excerpt import Excerpt, Question
from posembed.quality.tasks.section import SECTION


def test_the_query():
    questions = {"title": Question((1,), 0.0), "section": Question((2,), 0.5), "sentence": Question((3,), 0.9)}
    assert SECTION.question(Excerpt((7, 8), **questions)) == questions["section"]
    assert SECTION.question(Excerpt((7, 8), **(questions | {"section": None}))) is None
    assert SECTION.name == "section"
