"""The parts of a report that need no browser: escaping, rounding, sizes, files."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError, MissingExtraError
from posembed.layout import TableLayout
from posembed.records.card import CheckpointCard, LengthLimit, TableCard
from posembed.report.html.charts import Chart, Series, no_chart, packed, rounded
from posembed.report.html.inspect import NOT_DRAWN, inspect_page
from posembed.report.html.page import Page, require_plotly, write_page
from posembed.report.html.table_charts import table_charts
from posembed.report.html.words import definitions, escaped, paragraphs, word_table
from posembed.tables.measures.analysis import analyze_table
from posembed.tables.measures.plot_data import table_views

HOSTILE = "</script><b a='\"'>&\u202e\x00"


def table(rows, width, layout=None, seed=0, **more):
    values = np.cumsum(np.random.default_rng(seed).standard_normal((rows, width)), axis=0)
    layout = layout or TableLayout(length=rows)
    found = {
        "key": "wpe.weight", "shape": [rows, width], "dtype": "F32", "file": "f", "family": "gpt2", "kind": "sequence",
        "rows": rows, "d_model": width, "reserved": layout.reserved, "prefix": layout.prefix, "suffix": layout.suffix,
        "length": layout.length, "grid": layout.grid, "usable_length": layout.usable_length, "uncertain": False,
        "refused": None, "evidence": ["because"], "fields": [], "not_measured": None,
    }  # fmt: skip
    analysis = analyze_table(values, layout=layout).to_dict()
    return replace(TableCard.from_dict(found), analysis=analysis, views=table_views(values, layout), **more)


def card(*tables):
    return CheckpointCard("dir", (LengthLimit(9, "x", "y"),), tables)


def charts_of(page):
    return json.loads(re.search(r'id="charts">(.*?)</script>', page, re.DOTALL)[1])


def test_words_are_escaped():
    for made in (escaped(HOSTILE), paragraphs([HOSTILE]), definitions([(HOSTILE, HOSTILE)]),
                 word_table(HOSTILE, [HOSTILE], [[HOSTILE]])):  # fmt: skip
        assert "</script>" not in made
        assert "<b" not in re.sub("<body", "", made)
        assert "\u202e" not in made
        assert "\x00" not in made
        assert "&lt;/script&gt;" in made


def test_the_page_s_data_cannot_end_its_script():
    page = Page(HOSTILE)
    page.add_charts([Chart("lines", HOSTILE, HOSTILE, "y", HOSTILE, [Series(HOSTILE, [0], [1.0])])])
    text = page.to_html()
    (chart,) = charts_of(text)
    assert chart["series"][0]["name"] == HOSTILE
    library = require_plotly().read_text(encoding="utf-8")
    own = text.replace(library, "")
    assert own.count("</script>") == 3
    assert "<b a=" not in own


def test_numbers_are_rounded_and_packed():
    assert rounded([1.23456789, None, float("inf"), 0.0]) == [1.2346, None, None, 0.0]
    values = np.array([[1.0, -1.0], [0.12344, 0.0]])
    import base64

    found = packed(values)
    back = np.frombuffer(base64.b64decode(found["base64"]), "<i2").reshape(found["shape"]) * found["step"]
    np.testing.assert_allclose(back, values, atol=found["step"] / 2 + 1e-12)


def test_the_heat_map_travels_whole():
    made = table(40, 8)
    (heat,) = (chart.to_json() for chart in table_charts(made.analysis, made.views) if chart.kind == "heat")
    assert heat["data"]["matrix"]["shape"] == [40, 40]
    assert heat["data"]["starts"] == list(range(40))


def test_what_is_marked_in_the_norms():
    layout = TableLayout(length=90, reserved=2, prefix=1, suffix=3)
    made = table(96, 8, layout)
    made.analysis["trained_range"] |= {"verdict": "ends", "end": 50, "odd_rows": [7]}
    norm = next(chart for chart in table_charts(made.analysis, made.views) if chart.title == "Norm of each row")
    assert [(mark["from"], mark["to"]) for mark in norm.marks] == [(-0.5, 1.5), (1.5, 2.5), (92.5, 95.5), (52.5, 92.5)]
    assert norm.marks[-1]["label"] == "not trained from position 50"
    assert norm.series[1].x == [10]
    assert norm.series[1].y == [made.analysis["profile"]["norm"][10]]
    assert "1 row stands out" in norm.reading


def test_a_table_of_4096_rows_stays_small():
    page = inspect_page(card(table(4096, 64)))
    assert len(page.encode()) < 6.5e6
    assert len(page.encode()) - require_plotly().stat().st_size < 1e6


def test_many_tables_stay_small():
    made = table(1200, 16)
    page = inspect_page(card(*(replace(made, key=f"layer.{n}") for n in range(12))))
    assert len(page.encode()) < 6.5e6
    assert 3 < page.count(escaped(NOT_DRAWN)) < 9


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_give_reasons_in_place_of_charts(rows):
    made = table(rows, 4)
    for chart in table_charts(made.analysis, made.views):
        assert chart.empty or chart.series or chart.data
    json.dumps([chart.to_json() for chart in table_charts(made.analysis, made.views)], allow_nan=False)


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
    with pytest.raises(InvalidArgumentError, match="is there and is no report of posembed: choose another name"):
        write_page(weights, first)
    assert weights.read_bytes() == b"precious"
    with pytest.raises(InvalidArgumentError, match="is a directory: name the report's file"):
        write_page(tmp_path, first)
    with pytest.raises(InvalidArgumentError, match="cannot be written: there is no directory"):
        write_page(tmp_path / "absent" / "report.html", first)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.safetensors", "report.html"]


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install .*posembed\[report\]"):
        require_plotly()
