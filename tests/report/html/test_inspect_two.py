from dataclasses import replace

from posembed.layout import TableLayout
from posembed.report.html.inspect_two import pair_charts, pair_page
from tests.fixtures.cards import KEY, checkpoint_card, compared, measured_card, pair_card, table_card


def two():
    first = checkpoint_card(measured_card(40, 8, seed=0), name="one")
    second = checkpoint_card(measured_card(60, 8, seed=1), table_card(key="b", refused="why"), name="two<b>")
    return pair_card(first, second, compared((40, 8), (60, 8)), alone=((), ("b",)))


def test_a_page_of_two():
    page = pair_page(two())
    assert "<title>one and two&lt;b&gt;</title>" in page
    assert f"{KEY}: 0 of 40 common positions have equal rows" in page
    assert "<p>Only in two&lt;b&gt;: b.</p>" in page
    assert page.count('<figure class="chart">') == 5
    assert '<th scope="row">usable length</th><td>40</td><td>60</td>' in page


def test_two_in_a_notebook():
    text = two()._repr_html_()
    assert f"<h4>{KEY}</h4>" in text
    assert "Only in two&lt;b&gt;: b." in text
    assert "<figure" not in text


def test_the_charts_of_two():
    pair = two()
    charts = pair_charts(pair.pairs[0], *pair.tables_of(pair.pairs[0]))
    assert [chart.title for chart in charts] == [
        "The two rows of each position",
        "Norm of each position's row",
        "Cosine similarity of positions: first",
        "Cosine similarity of positions: second",
        "Singular values",
    ]
    rows, norms, *_, singular = charts
    assert rows.reading == "0 of 40 positions have equal rows."
    assert [len(series.y) for series in rows.series] == [40, 40]
    assert [(series.name, len(series.y)) for series in norms.series] == [("first", 40), ("second", 60)]
    assert norms.reading.startswith("Norms: first ")
    assert singular.reading.startswith("Effective ranks ")


def test_norms_are_those_of_the_positions():
    card = measured_card(35, 8, TableLayout(length=30, reserved=2, suffix=3))
    charts = pair_charts(compared((30, 8), (30, 8)), card, card)
    assert [len(series.y) for series in charts[1].series] == [30, 30]


def test_what_cannot_be_compared_row_by_row_says_why():
    charts = pair_charts(compared((40, 8), (40, 4)), measured_card(40, 8), measured_card(40, 4))
    assert charts[0].empty.startswith("widths 8 and 4")


def test_a_side_without_views_has_words_alone():
    pair = two()
    bare = replace(pair.first, tables=tuple(replace(table, views=None) for table in pair.first.tables))
    page = pair_page(replace(pair, first=bare))
    assert "<figure" not in page
    assert "Side by side" in page
