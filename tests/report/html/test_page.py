"""The page itself: its data, its files."""

import json
import re

import pytest

from posembed.errors import InvalidArgumentError, MissingExtraError, WorkFailedError
from posembed.report.html.charts import Chart, Series, no_chart
from posembed.report.html.page import ROOM, Page, require_plotly, write_page

HOSTILE = "</script><b a='\"'>&\u202e\x00"


def charts_of(page):
    return json.loads(re.search(r'id="charts">(.*?)</script>', page, re.DOTALL)[1])


def test_the_page_s_data_cannot_end_its_script():
    page = Page(HOSTILE)
    page.add_charts([Chart("lines", HOSTILE, HOSTILE, "y", HOSTILE, [Series(HOSTILE, [0], [1.0])])])
    text = page.to_html()
    (chart,) = charts_of(text)
    assert chart["series"][0]["name"] == HOSTILE
    library = require_plotly().read_text(encoding="utf-8")
    own = text.replace(library, "")
    assert own.count("</script>") == 4
    assert "<b a=" not in own


def test_a_chart_without_data_says_why():
    page = Page("p")
    page.add_charts([no_chart("lines", "title", "nothing was measured")])
    assert "No data: nothing was measured." in page.to_html()


def test_only_a_report_is_written_over(tmp_path):
    file = tmp_path / "report.html"
    first, second = Page("one").to_html(), Page("two").to_html()
    assert write_page(file, first) == file
    write_page(file, second)
    assert "<title>two</title>" in file.read_text()
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"precious")
    with pytest.raises(InvalidArgumentError, match="exists and is not a posembed report: choose another name"):
        write_page(weights, first)
    assert weights.read_bytes() == b"precious"
    with pytest.raises(InvalidArgumentError, match="is a directory: name the report's file"):
        write_page(tmp_path, first)
    with pytest.raises(InvalidArgumentError, match="cannot be written: there is no directory"):
        write_page(tmp_path / "absent" / "report.html", first)
    with pytest.raises(WorkFailedError, match="x cannot be written: file name too long"):
        write_page(tmp_path / ("x" * 300), first)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "report.html"]


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install .*posembed\[report\]"):
        require_plotly()


def test_a_page_that_is_full_takes_no_more_charts():
    page = Page("p")
    page.add_charts([Chart("lines", "t", "x", "y", "r", [Series("s", [0.5], [1.0])])])
    page._size = ROOM
    page.add_charts([Chart("lines", "second", "x", "y", "r", [Series("s", [0.5], [1.0])])], "Not drawn.")
    assert page.parts[-1] == "<p>Not drawn.</p>"
    assert len(charts_of(page.to_html())) == 1


def test_a_chart_with_a_choice_has_a_chooser():
    page = Page("p")
    page.add_charts([Chart("patches", "t", "x", "y", "r", data={"grid": [4, 6]}, choice=(4, 6, 2))])
    text = page.to_html()
    assert 'id="chart-0-row" min="0" max="3" step="2" value="2"' in text
    assert 'id="chart-0-column" min="0" max="5" step="2" value="2"' in text


def test_a_page_s_own_script_finds_its_data():
    page = Page("p", script="run()", style=".x {}", noun="lesson")
    assert (page.add_data({"a": "</script>"}), page.add_data([1])) == (0, 1)
    text = page.to_html()
    assert '<script type="application/json" id="data">[{"a":"\\u003c/script\\u003e"},[1]]</script>' in text
    assert "<script>\nrun()</script>" in text
    assert "Skip to the lesson" in text
    assert ".x {}" in text
