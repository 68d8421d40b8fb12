"""Headings and text of reStructuredText."""

import pytest

from posembed.quality.documents.restructured import headings, inline, plain, read_restructured, width

TEXT = """.. _top:

####
Cats
####

:Author: me

They *purr*::

    Code
    ====

Food
====

.. note:: Mice, of
   course.

.. code-block:: python
   :linenos:

   # Comment
   x = 1

.. toctree::
   :maxdepth: 2

   a
   b

.. a comment
   Hidden
   ------

Of it
-----

==== ====
a    b
==== ====

Sleep
=====
Long.

----

After a line.
"""


def test_what_is_a_heading():
    found = read_restructured(TEXT)
    assert found.title == "Cats"
    assert [(each.heading, each.level) for each in found.sections] == [("", 0), ("Food", 2), ("Of it", 3), ("Sleep", 2)]


def test_the_text_is_what_a_reader_sees():
    found = read_restructured(TEXT)
    assert found.sections[1].text == "Mice, of\n   course.\n\n# Comment\nx = 1"
    assert found.sections[2].text == "a    b"
    assert found.sections[3].text == "Long.\n\nAfter a line."
    for hidden in ("Hidden", "linenos", "maxdepth", "toctree", "_top", "::", "*"):
        assert hidden not in found.text


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["Cats", "===="], ["Cats"]),
        (["Cats", "==="], []),
        (["Cat", "==="], ["Cat"]),
        (["A long heading", "===="], ["A long heading"]),
        (["====", "Cats", "===="], ["Cats"]),
        (["======", " Cats ", "======"], ["Cats"]),
        (["====", "Cats", "----"], []),
        (["one line", "two", "===="], []),
        (["  Cats", "  ===="], []),
        (["----", "", "text"], []),
        (["== ==", "a  b", "== =="], []),
        ([".. _a:", "Cats", "===="], ["Cats"]),
        (["Cats", "====", "Food", "----"], ["Cats", "Food"]),
        (["猫猫", "===="], ["猫猫"]),
        (["Überschrift", "~~~~~~~~~~~"], ["Überschrift"]),
        ([""], []),
        (["===="], []),
        ([], []),
        (["Cats", "====="], ["Cats"]),
    ],
)
def test_headings(lines, wanted):
    assert [each.text for each in headings(lines)] == wanted


def test_an_overline_is_another_rank():
    found = read_restructured("====\nCats\n====\n\nOne\n====\n\nOf one\n------\n\nTwo\n====\n")
    assert found.title == "Cats"
    assert [(each.heading, each.level) for each in found.sections] == [("One", 2), ("Of one", 3), ("Two", 2)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("``a*b*`` and *c* **d**", "a*b* and c d"),
        (":ref:`text <target>` :func:`~os.path.join` :c:func:`!x`", "text join x"),
        ("`docs <http://x>`_ `name`_ other_ and_this", "docs name other and_this"),
        ("2 * 3 * 4 and snake_case_ stays", "2 * 3 * 4 and snake_case stays"),
        ("as follows::", "as follows:"),
        ("std::vector", "std::vector"),
    ],
)
def test_inline_markup(text, wanted):
    assert inline(text) == wanted


def test_directives():
    assert plain(".. warning:: Hot.\n\n   Very.\n\n.. image:: x.png\n   :alt: y\n\nEnd") == "Hot.\n\nVery.\n\nEnd"
    assert plain(".. function:: dumps(obj)\n\n   Return text.\n") == "dumps(obj)\n\nReturn text."
    assert plain(".. [1] A note.\n.. _x: http://y\n") == "A note."
    assert plain("") == ""


def test_without_headings():
    assert read_restructured("Only text.").title == ""
    assert read_restructured("").sections == ()


def test_columns():
    assert width("ab") == 2
    assert width("猫e\u0301") == 3
