"""Headings and text of Markdown."""

import pytest

from posembed.quality.documents.document import Section
from posembed.quality.documents.markdown import read_markdown

TEXT = """---
title: "From above"
---

# Cats & *dogs*

A **bold** [link](http://x.org) with `code`.
Second line ![picture](p.png).

```sh
# no heading
```

    # no heading either

> # quoted

- # in a list

Setext
======

<!-- # hidden -->

| a | b |
|---|---|
| 1 | 2 |

### Deep ###
"""


def test_what_is_a_heading():
    found = read_markdown(TEXT)
    assert found.title == "Cats & dogs"
    assert [(each.heading, each.level) for each in found.sections] == [("", 0), ("Setext", 1), ("Deep", 3)]


def test_the_text_is_what_a_reader_sees():
    found = read_markdown(TEXT)
    assert found.sections[0].text.startswith(
        "A bold link with code.\nSecond line .\n\n# no heading\n\n# no heading either"
    )
    assert found.sections[1].text == "a | b\n\n1 | 2"
    for hidden in ("http", "p.png", "hidden", "From above", "```", "**"):
        assert hidden not in found.text


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("---\ntitle: Given\ndate: 2024\n---\n\n## One\n\ntext\n", "Given", "One\ntext"),
        ("+++\ntitle = 'Given'\n+++\ntext", "Given", "text"),
        ("---\ndate: 2024\n---\n# Own\n", "Own", ""),
        ("---\ntitle: Given\n---\n# Own\ntext", "Own", "text"),
        ("text\n\n# Only heading\n\nmore", "Only heading", "text\n\nmore"),
        ("One\n===\n", "One", ""),
        ("#\n\n## Two\n", "Two", ""),
        ("text without a heading", "", "text without a heading"),
        ("", "", ""),
        ("---\n", "", ""),
        ("#no heading", "", "#no heading"),
        ("# Überschrift 猫\n\nTéxt", "Überschrift 猫", "Téxt"),
        ('<h1 align="center">Logo</h1>\n\n## Use\n\ntext', "Logo", "Use\ntext"),
        ("# Same\n\n# Same\n\ntext", "Same", "text"),
        ("<script>\n# x\n</script>\n\ntext", "", "text"),
    ],
)
def test_titles(text, title, rest):
    found = read_markdown(text)
    assert (found.title, found.text) == (title, rest)


def test_one_heading_has_no_section():
    assert read_markdown("# Cats\n\nThey purr.").sections == (Section("", "They purr."),)
