"""Headings and text of HTML pages."""

import pytest

from posembed.quality.documents.html import read_blocks, read_html


def test_a_whole_page():
    page = """<!DOCTYPE html><html><head><title>Cats &mdash; Zoo</title><style>h1 { color: red }</style>
    <script>document.write("<h1>Script</h1>")</script></head><body>
    <nav><h1>Menu</h1><ul><li>Home</ul></nav>
    <div role="navigation"><div>Next</div>Previous</div>
    <h1>Cats<a class="headerlink" href="#cats">#</a></h1>
    <p>They <b>purr</b> &amp; <i>sleep</i>,
       a lot.</p>
    <h2>Food &#x2f; <code>drink</code> ¶</h2><p>Mice<br>and milk.
    <pre>if x:
        y</pre>
    <table><tr><td>a</td><td>b</td></tr></table>
    <aside>Advert</aside><footer>Copyright</footer></body></html>"""
    found = read_html(page)
    assert found.title == "Cats"
    assert [(each.heading, each.level) for each in found.sections] == [("", 0), ("Food / drink", 2)]
    assert found.text == "They purr & sleep, a lot.\n\nFood / drink\nMice\nand milk.\n\nif x:\n        y\n\na b"


def test_the_main_part_alone():
    page = "<body><div>Around</div><main><h1>In</h1><div><p>text<main></main></div></main><p>after</body>"
    found = read_html(page)
    assert (found.title, found.text) == ("In", "text")
    found = read_html("<p>Around<div role=main><h1>In</h1><div>text</div>more</div><p>after")
    assert (found.title, found.text) == ("In", "text\n\nmore")
    assert read_html("<h1>Out</h1><main></main>text").text == "text", "an empty main part is none"


@pytest.mark.parametrize(
    ("page", "title", "text"),
    [
        ("<title>Page</title><h2>A</h2>x<h2>B</h2>y", "Page", "A\nx\n\nB\ny"),
        ("<h2>A</h2>x<h3>B</h3>y", "A", "x\n\nB\ny"),
        ("<p>text only", "", "text only"),
        ("", "", ""),
        ("plain < text & more", "", "plain < text & more"),
        ("<h1></h1><h1>Second</h1>x", "Second", "x"),
        ("<h1>C#</h1>x", "C#", "x"),
        ("<h1><a>§</a>Rust</h1>x", "Rust", "x"),
        ("<h1><div>In a div</div></h1>x", "In a div", "x"),
        ("<h2>Unclosed<p>text<h2>Next</h2>y", "Unclosed", "text\n\nNext\ny"),
        ("<head><title>T</title><body><p>no end of head", "T", "no end of head"),
        ("<p hidden>no<p>猫 Ünï", "", "猫 Ünï"),
        ("<div hidden>no</div>yes", "", "yes"),
        ("<svg><title>Icon</title></svg><h1>T</h1>x", "T", "x"),
        ("<h1>A\n  b</h1>x", "A b", "x"),
    ],
)
def test_pages(page, title, text):
    found = read_html(page)
    assert (found.title, found.text) == (title, text)


def test_blocks_of_a_piece():
    assert read_blocks("<p>a</p><h3>b</h3>c") == [("a", 0), ("b", 3), ("c", 0)]
