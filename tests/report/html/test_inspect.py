from dataclasses import replace

from posembed.layout import TableLayout
from posembed.report.html.inspect import MOST_TABLES, NOT_DRAWN, inspect_page, measures_table, table_words
from posembed.report.html.page import require_plotly
from posembed.report.html.words import escaped
from tests.fixtures.cards import KEY, checkpoint_card, measured_card, table_card, with_history

LIMITS = [(9, "tokenizer.json", "cut")]


def test_a_page_holds_facts_measures_charts_and_look_alikes():
    refused = table_card(key="x", refused="a sinusoid")
    page = inspect_page(checkpoint_card(measured_card(40, 8), refused, limits=LIMITS))
    assert f"{KEY}: 40 positions, usable length 40; trained: " in page
    assert "Texts are cut before the table ends: tokenizer.json stops at 9 tokens." in page
    assert page.count('<figure class="chart">') == 7
    assert "All measures" in page
    assert page.index("In short") < page.index("evidence") < page.index("Not position tables")
    assert '<th scope="row">x</th><td>a sinusoid</td>' in page


def test_a_limit_of_queries_cuts_no_text():
    limits = [(4, "sentence_bert_config.json: query_length", "queries"), (40, KEY, "no row")]
    page = inspect_page(checkpoint_card(measured_card(40, 8), limits=limits))
    assert "query_length" in page
    assert "Texts are cut" not in page


def test_a_limit_of_the_table_itself_is_not_earlier():
    page = inspect_page(checkpoint_card(measured_card(40, 8), limits=[(40, KEY, "no row")]))
    assert "Texts are cut" not in page


def test_grids_and_doubts():
    card = measured_card(24, 8, TableLayout(grid=(4, 6)), uncertain=True)
    page = inspect_page(checkpoint_card(card))
    assert f"{KEY}: 4 × 6 patches, usable length 24, but what its rows mean is uncertain." in page


def test_a_table_that_was_not_measured():
    page = inspect_page(checkpoint_card(table_card(not_measured="row 3 is not finite")))
    assert "row 3 is not finite" in page
    assert "<figure" not in page
    assert "No learned position table was found." in inspect_page(checkpoint_card(limits=LIMITS))


def test_every_number_for_each_selection():
    table = measures_table(measured_card(40, 8).analysis)
    for words in ("table (40 rows)", "positions (40 rows)", "positions without the first (39 rows)", "effective rank"):
        assert words in table
    assert '<th scope="row">order probe: accuracy</th><td>–</td>' in measures_table(measured_card(3, 4).analysis)


def test_a_card_in_a_notebook():
    text = checkpoint_card(measured_card(40, 8), table_card(key="x", refused="a sinusoid"), limits=LIMITS)._repr_html_()
    assert text.startswith("<p>")
    assert f"<h4>{KEY}</h4>" in text
    assert "a sinusoid" in text
    assert "tokenizer.json" in text


def test_the_evidence_is_a_list():
    words = table_words(table_card())
    assert "<dt>evidence</dt><dd>first reason</dd><dd>second reason</dd>" in words


def test_a_table_of_4096_rows_stays_small():
    page = inspect_page(checkpoint_card(measured_card(4096, 64)))
    assert len(page.encode()) < 6.5e6
    assert len(page.encode()) - require_plotly().stat().st_size < 1e6


def test_many_tables_stay_small():
    card = measured_card(1200, 16)
    page = inspect_page(checkpoint_card(*(replace(card, key=f"layer.{n}") for n in range(12))))
    assert len(page.encode()) < 6.5e6
    assert 3 < page.count(escaped(NOT_DRAWN)) < 9
    assert page.count("usable length 1200; trained") == MOST_TABLES


def test_details_come_last():
    table = measures_table(measured_card(40, 8).analysis)
    assert table.index("participation ratio") < table.index("order probe") < table.index("R² of a line and a helix")


def test_history_and_notes():
    page = inspect_page(with_history(checkpoint_card(table_card())))
    assert f"History: {KEY}: extended from 16 to 32 positions by tile, from the/&lt;old&gt; one." in page
    assert "Note: it brings code." in page
