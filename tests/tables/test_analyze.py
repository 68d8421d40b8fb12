import json

import numpy as np
import pytest

import posembed
from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.analyze import analyze_table
from posembed.tables.brief import brief_analysis
from posembed.tables.similarity import toeplitz_r2
from posembed.tables.spectrum import effective_rank


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


def selections(analysis):
    return [(each.selection, each.first_row, each.rows) for each in analysis.measures]


def test_rows_without_a_position_are_measured_apart():
    table = drawn(40, 6)
    table[:2] = 50.0
    found = analyze_table(table, layout=TableLayout(length=36, reserved=2, prefix=1, suffix=1))
    assert selections(found) == [("table", 0, 40), ("positions", 3, 36), ("positions without the first", 4, 35)]
    for each, rows in zip(found.measures, (table, table[3:39], table[4:39]), strict=True):
        assert each.spectrum.effective_rank == pytest.approx(effective_rank(rows))
        assert each.similarity.toeplitz_r2 == pytest.approx(toeplitz_r2(rows))
    assert found.positions is found.measures[1]


def test_a_grid_is_measured_as_one():
    table = drawn(25, 6)
    found = analyze_table(table, layout=TableLayout(grid=(4, 6), prefix=1))
    assert selections(found) == [("table", 0, 25), ("positions", 1, 24)]
    assert found.measures[0].similarity is None
    assert found.positions.similarity.toeplitz_r2 == pytest.approx(toeplitz_r2(table[1:], (4, 6)))
    assert found.positions.spectrum.helix is None
    assert found.positions.order_probe is None
    assert found.trained_range.verdict == "unknown"
    assert "every image reads every patch" in found.trained_range.evidence[0]


@pytest.mark.parametrize(
    ("table", "layout"),
    [
        (drawn(64, 16), None),
        (drawn(1, 16), None),
        (drawn(2, 3), None),
        (np.ones((30, 4)), None),
        (np.zeros((30, 4)), TableLayout(grid=(5, 6))),
        (drawn(30, 4) * 1e-30, TableLayout(length=28, reserved=2)),
        (drawn(1100, 4), None),
    ],
)
def test_the_record_is_plain_json(table, layout):
    found = analyze_table(table, layout=layout)
    text = json.dumps(found.to_dict(), allow_nan=False)
    read = json.loads(text)
    assert read["schema"] == "posembed.analysis"
    assert len(read["profile"]["norm"]) == read["layout"]["rows"] == len(table)
    assert read["trained_range"]["verdict"] in ("whole", "ends", "unknown")
    assert [each["selection"] for each in read["measures"]][:2] == ["table", "positions"]


def test_what_was_thinned_is_said():
    notes = analyze_table(np.cumsum(drawn(2500, 4), axis=0)).notes
    assert notes == ("the rank correlation is over one row in 5", "the position probe saw one row in 3")
    assert analyze_table(drawn(5, 4)).notes == ("no probes, which need 20 rows that are not all equal",)


@pytest.mark.parametrize(
    ("table", "layout", "message"),
    [
        (drawn(4, 2), TableLayout(length=5), "layout describes 5 rows, but the table has 4"),
        (drawn(4, 2), TableLayout(length=0, reserved=4), "the layout has no positions"),
        (np.full((4, 2), np.nan), None, "row 0 is the first of 4 such rows"),
    ],
)
def test_refusals(table, layout, message):
    with pytest.raises(InvalidArgumentError, match=message):
        analyze_table(table, layout=layout)


def test_it_is_public():
    assert isinstance(posembed.analyze_table(np.eye(3, dtype=np.float32)), posembed.TableAnalysis)


@pytest.mark.parametrize("layout", [TableLayout(length=60, reserved=2, suffix=2), TableLayout(grid=(8, 8))])
def test_the_brief_record_says_the_same(layout):
    table = np.cumsum(drawn(64, 9), axis=0)
    brief, whole = brief_analysis(table, layout), analyze_table(table, layout=layout)
    assert brief["norm"] == list(whole.profile.norm)
    assert brief["effective_rank"] == pytest.approx(whole.positions.spectrum.effective_rank)
    assert brief["toeplitz_r2"] == pytest.approx(whole.positions.similarity.toeplitz_r2)
    assert brief["trained_range"] == whole.trained_range.to_dict()
    if layout.grid is None:
        assert brief["roughness"] == pytest.approx(np.median([v for v in whole.profile.roughness if v is not None]))
    else:
        assert brief["roughness"] is None
