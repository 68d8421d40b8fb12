"""The page as a file: whole, escaped, within its size."""

import html
import json
import re
from dataclasses import replace

from posembed.lesson.blocks import Section, Widget, Words
from posembed.lesson.page import lesson_page, marked
from posembed.lesson.questions import QUESTIONS
from posembed.report.html.words import word_table


def test_one_offline_file(sections):
    page = lesson_page(sections)
    assert "default-src 'none'" in page[:600]
    assert len(page.encode()) < 6_500_000
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', page.split("<script>")[0]) == []
    assert page.count("<fieldset") == len(QUESTIONS)


def test_every_question_carries_its_proof(sections):
    page = lesson_page(sections)
    for question in QUESTIONS:
        assert question.proof()
    assert "shape → (512, 768)" in page
    assert "→ 393,216" in page
    assert page.count('data-right="B"') == 7
    assert page.count('data-right="C"') == 1


def test_hostile_tokens_are_text(sections):
    bad = "<img src=x onerror=alert(1)>`**</script>"
    widget = next(block for block in sections[1].blocks if isinstance(block, Widget))
    data = widget.data | {"tokens": [bad] * len(widget.data["tokens"])}
    page = lesson_page([Section("a", [replace(widget, data=data), Words(bad)])])
    before_library = page.split("<script>")[0]
    assert "<img" not in before_library
    carried = re.search(r'id="data">(.*?)</script>', page)[1]
    assert json.loads(carried)[0]["tokens"][0] == bad


def test_every_widget_has_its_table_below(sections):
    text = lesson_page(sections).split("<script>")[0]
    assert text.count("<summary>As a table</summary>") == text.count('class="widget"') == 3
    note = next(b for s in sections for b in s.blocks if isinstance(b, Widget) and b.kind == "extend").note
    assert text.count(html.escape(note)) == 1  # under the widget, and not again over its table


def test_only_cells_with_long_words_may_be_broken():
    source = "modeling.py(max_position_embeddings=512)"
    text = word_table("a", ["b", "c"], [["x", "25,165,824"], [source, "−0.0178 −0.0076 0.0471"]])
    assert "<td>25,165,824</td>" in text
    assert "<td>−0.0178 −0.0076 0.0471</td>" in text
    assert f'<th scope="row" class="long">{source}</th>' in text


def test_marks():
    assert marked("`a < b` and **c**") == "<code>a &lt; b</code> and <strong>c</strong>"
    assert marked("2 * 3 * 4, a ` alone") == "2 * 3 * 4, a ` alone"
