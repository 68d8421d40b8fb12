"""The charts of a table's measures: what is drawn, what is marked, what the words say."""

import json
from dataclasses import replace

import pytest

from posembed.layout import TableLayout
from posembed.report.html.table_charts import (
    MOST_POINTS,
    distance_chart,
    neighbor_chart,
    norm_chart,
    positive,
    power_chart,
    singular_chart,
    table_charts,
)
from tests.fixtures.cards import measured_card


def charts(card):
    return table_charts(card.analysis, card.views)


def test_the_charts_of_a_sequence_and_of_a_grid():
    assert [chart.title for chart in charts(measured_card(40, 8))] == [
        "Cosine similarity of positions",
        "Norm of each row",
        "The positions on their principal components",
        "Each row and its neighbors",
        "Similarity over distance",
        "Spectrum over positions",
        "Singular values",
    ]
    assert [chart.title for chart in charts(measured_card(25, 8, TableLayout(grid=(4, 6), prefix=1)))] == [
        "Similarity of one patch to all",
        "Cosine similarity of positions",
        "Norm of each row",
        "The positions on their principal components",
        "Similarity over distance",
        "Singular values",
    ]


def test_what_is_marked_in_the_norms():
    analysis = measured_card(96, 8, TableLayout(length=90, reserved=2, prefix=1, suffix=3)).analysis
    found = replace(analysis.trained_range, verdict="ends", end=50, odd_rows=(7,))
    norm = norm_chart(replace(analysis, trained_range=found))
    assert [(mark["from"], mark["to"]) for mark in norm.marks] == [(-0.5, 1.5), (1.5, 2.5), (92.5, 95.5), (52.5, 92.5)]
    assert [mark["label"] for mark in norm.marks] == [
        *("reserved rows", "prefix rows", "suffix rows", "not trained from position 50")
    ]
    assert norm.series[1].x == [10]
    assert norm.series[1].y == [analysis.profile.norm[10]]
    assert norm.series[1].name == "unusual rows"
    assert norm.reading.endswith(" 1 row stands out from the neighbors.")
    two = norm_chart(replace(analysis, trained_range=replace(found, odd_rows=(7, 8))))
    assert two.reading.endswith(" 2 rows stand out from the neighbors.")
    plain = norm_chart(replace(analysis, trained_range=replace(found, verdict="whole", end=None, odd_rows=())))
    assert len(plain.marks) == 3
    assert len(plain.series) == 1
    assert "stand" not in plain.reading


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_few_rows_give_reasons_in_place_of_charts(rows):
    card = measured_card(rows, 4)
    for chart in charts(card):
        assert chart.empty or chart.series or chart.data
    json.dumps([chart.to_dict() for chart in charts(card)], allow_nan=False)


def test_neighbors_are_those_of_the_positions():
    card = measured_card(40, 8, TableLayout(length=38, reserved=2))
    chart = neighbor_chart(card.analysis)
    assert [len(series.y) for series in chart.series] == [38, 38]
    assert list(chart.series[0].y) == list(card.analysis.profile.neighbour_cosine[2:])


def test_a_long_curve_is_thinned():
    card = measured_card(MOST_POINTS + 1, 2)
    chart = distance_chart(card.analysis.positions, card.views)
    assert chart.series[0].x[:3] == [0, 2, 4]
    assert len(chart.series[0].y) == MOST_POINTS // 2 + 1
    assert chart.series[1].name == "sinusoidal encoding"
    assert "Its cosines correlate " in chart.reading


def test_distances_of_a_grid_are_in_patches():
    card = measured_card(24, 8, TableLayout(grid=(4, 6)))
    chart = distance_chart(card.analysis.positions, card.views)
    assert chart.x_title == "distance (patches, rounded)"
    assert len(chart.series) == 1


def test_the_share_of_slow_frequencies():
    card = measured_card(64, 4)
    spectrum = card.analysis.positions.spectrum
    slow = sum(spectrum.power[:5])  # 0 to 4 of 64 cycles
    chart = power_chart(card.analysis.positions)
    assert chart.reading.startswith(f"{slow:.0%} of the variance lies at periods of 16 positions or more")
    assert list(chart.series[0].x) == list(spectrum.power_frequencies[1:])


def test_singular_values_that_are_rounding_are_left_out():
    assert positive((4.0, 1.0, 3e-9)) == [4.0, 1.0]
    assert positive((4.0, 5e-9)) == [4.0, 5e-9]
    assert singular_chart(measured_card(1, 4).analysis.positions).empty == "all rows are equal"
    assert "Effective rank " in singular_chart(measured_card(30, 4).analysis.positions).reading
