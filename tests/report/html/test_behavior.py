"""The section of a page about a model whose positions moved."""

from posembed.records.behavior import Behavior, EffectiveRange
from posembed.report.html.behavior import add_behavior, behavior_words, placements_table, range_chart, start_chart
from posembed.report.html.page import Page
from tests.report.test_behavior import FOUND, TEXTS


def test_the_section():
    page = Page("Title")
    add_behavior(page, Behavior("Model", (TEXTS,), ("<b>no",)))
    html = page.to_html()
    for part in ("When positions move", "all start at 64", "the first 160 positions", "&lt;b&gt;no"):
        assert part in html


def test_charts_show_the_curve_and_the_end():
    chart = range_chart(FOUND, "loss")
    assert chart.marks[0] == {"from": 151.5, "to": 175.5, "label": "end 160"}
    assert chart.series[0].y == [2.5, 2.5]
    assert chart.reading.startswith("The first 160 positions")
    assert start_chart(TEXTS).series[0].x == [64]
    assert range_chart(EffectiveRange("unknown", None, None, None, ("few",), 4), "loss").empty is not None


def test_a_notebook_gets_the_words():
    assert behavior_words(Behavior("Model", (TEXTS,))) == placements_table(TEXTS)
