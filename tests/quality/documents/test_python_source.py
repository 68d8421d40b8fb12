"""Docstrings of a module."""

import pytest

from posembed.quality.documents.document import Document
from posembed.quality.documents.python_source import parsed, read_python

SOURCE = '''#!/usr/bin/env python
"""Tools for cats.

They are small.
"""
# comment
import os

if True:
    def feed(x):
        """Give food.

        Mice, mostly.
        """
        def inner():
            "Within."

class Cat:
    """A cat."""

    async def purr(self):
        """Make a noise."""

    def silent(self):
        return "x"

    class Tail: "Moves."
'''


def test_docstrings_are_sections():
    found = read_python(SOURCE)
    assert found.title == "Tools for cats."
    assert [(each.heading, each.text, each.level) for each in found.sections] == [
        ("", "They are small.", 0),
        ("feed", "Give food.\n\nMice, mostly.", 1),
        ("feed.inner", "Within.", 2),
        ("Cat", "A cat.", 1),
        ("Cat.purr", "Make a noise.", 2),
        ("Cat.Tail", "Moves.", 2),
    ]


@pytest.mark.parametrize(
    ("docstring", "title", "text"),
    [
        ("One line.", "One line.", ""),
        ("\n    Below.\n\n    More.", "Below.", "More."),
        (
            "A first sentence that goes\non here.  Then more.\n\nRest",
            "A first sentence that goes on here.",
            "Then more.\n\nRest",
        ),
        ("Name\nAnd text", "Name", "And text"),
        ("", "", ""),
    ],
)
def test_titles(docstring, title, text):
    found = read_python(f'"""{docstring}"""')
    assert (found.title, found.text.strip()) == (title, text)


@pytest.mark.parametrize("source", ["", "x = 1", "def broken(:", "print 'old'", "\0", "(" * 5000])
def test_modules_without_text(source):
    assert read_python(source) == Document("", ())


def test_what_cannot_be_read():
    assert parsed("def broken(:") is None
    assert parsed('"\\d"') is not None, "an invalid escape is somebody else's matter"
    assert read_python('"""a \\ud800 b"""').title == "a ? b"
