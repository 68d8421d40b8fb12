"""The query of the task title."""

from posembed.quality.tasks.excerpt import Excerpt, Question
from posembed.quality.tasks.title import TITLE


def test_the_query():
    questions = {"title": Question((1,), 0.0), "section": Question((2,), 0.5), "sentence": Question((3,), 0.9)}
    assert TITLE.question(Excerpt((7, 8), **questions)) == questions["title"]
    assert TITLE.question(Excerpt((7, 8), **(questions | {"title": None}))) is None
    assert TITLE.name == "title"
