"""Which ending is read by which reader."""

import pytest

from posembed.quality.documents.html import read_html
from posembed.quality.documents.markdown import read_markdown
from posembed.quality.documents.plain import read_plain
from posembed.quality.documents.python_source import read_python
from posembed.quality.documents.readers import read_document, reader_of, words_for
from posembed.quality.documents.restructured import read_restructured


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("a/b.md", read_markdown),
        ("A.MARKDOWN", read_markdown),
        ("a.rst", read_restructured),
        ("a.html", read_html),
        ("a.htm", read_html),
        ("a.py", read_python),
        ("a.txt", read_plain),
        ("README", read_plain),
        ("md", read_plain),
        ("a.md.gz", read_plain),
        (".md", read_plain),
    ],
)
def test_endings(name, reader):
    assert reader_of(name) is reader


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.md", "# Cats\r\n\r\nThey purr.\r\n\r\n## Food\r\n\r\nMice.\r\n"),
        ("a.rst", "Cats\r\n====\r\n\r\nThey purr.\r\n\r\nFood\r\n----\r\n\r\nMice.\r\n"),
        ("a.html", "<h1>Cats</h1>\r\n<p>They purr.</p>\r\n<h2>Food</h2>\r\nMice.\r\n"),
        ("a.txt", "Cats\r\n\r\nThey purr.\r\n\r\nFood\r\n----\r\nMice.\r\n"),
    ],
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_all_give_the_same_document(name, content, mark):
    found = read_document(name, (mark + content).encode())
    assert found.title == "Cats"
    assert [(each.heading, each.text) for each in found.sections] == [("", "They purr."), ("Food", "Mice.")]


@pytest.mark.parametrize("name", ["a.md", "a.rst", "a.html", "a.txt", "a.py", "a"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_files(name, content):
    found = read_document(name, content)
    assert (found.title, found.sections) == ("", ())


def test_every_reader_has_its_words():
    assert [words_for(name) for name in ("a.py", "a.MD", "a.rst", "a.html", "a.txt", "README")] == [
        *("Python", "Markdown", "reStructuredText", "HTML", "plain text", "plain text")
    ]
