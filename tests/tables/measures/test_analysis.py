import dataclasses
import json
import time

import ml_dtypes
import numpy as np
import pytest

import posembed
from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.measures.analysis import analyze_table
from posembed.tables.measures.brief import brief_analysis
from posembed.tables.measures.norms import row_profile
from posembed.tables.measures.probes import order_probe, position_probe
from posembed.tables.measures.similarity import measure_similarity, toeplitz_r2
from posembed.tables.measures.spectrum import effective_rank, measure_spectrum
from posembed.tables.trained_range.detect import trained_range


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
    brief, whole = brief_analysis(table, layout).to_dict(), analyze_table(table, layout=layout)
    assert brief["norm"] == list(whole.profile.norm)
    assert brief["effective_rank"] == pytest.approx(whole.positions.spectrum.effective_rank)
    assert brief["toeplitz_r2"] == pytest.approx(whole.positions.similarity.toeplitz_r2)
    assert brief["trained_range"] == whole.trained_range.to_dict()
    if layout.grid is None:
        assert brief["roughness"] == pytest.approx(np.median([v for v in whole.profile.roughness if v is not None]))
    else:
        assert brief["roughness"] is None


@pytest.mark.parametrize("width", [1, 2, 60])
@pytest.mark.parametrize("rows", [1, 2, 3, 63, 64])
@pytest.mark.parametrize("kind", ["random", "constant", "zeros"])
def test_the_record_of_every_size_is_the_same_once_read_again(rows, width, kind):
    table = {"random": drawn(rows, width), "constant": np.full((rows, width), 0.1), "zeros": np.zeros((rows, width))}
    record = analyze_table(table[kind]).to_dict()
    assert json.loads(json.dumps(record, allow_nan=False)) == record  # so there is neither tuple nor NumPy number
    assert record["d_model"] == width
    assert record["layout"]["positions"] == record["measures"][0]["rows"] == rows
    assert len(record["measures"]) == (3 if rows > 1 else 2)


def test_the_record_gathers_the_measures():
    table, layout = np.cumsum(drawn(40, 6), axis=0), TableLayout(length=36, reserved=1, prefix=2, suffix=1)
    before, found = table.copy(), analyze_table(table, layout=layout)
    assert (table == before).all()
    assert found.profile == row_profile(table, layout)
    assert found.trained_range == trained_range(table[3:39])
    for each, rows in zip(found.measures, (table, table[3:39], table[4:39]), strict=True):
        assert each.similarity == measure_similarity(rows)
        assert each.spectrum == measure_spectrum(rows)
        assert each.position_probe == position_probe(rows)
        assert each.order_probe == order_probe(rows)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (TableLayout(length=30), [("table", 0, 30), ("positions", 0, 30), ("positions without the first", 1, 29)]),
        (TableLayout(length=1, suffix=29), [("table", 0, 30), ("positions", 0, 1)]),
        (TableLayout(grid=(5, 6)), [("table", 0, 30), ("positions", 0, 30)]),
        (TableLayout(grid=(4, 7), reserved=1, suffix=1), [("table", 0, 30), ("positions", 1, 28)]),
    ],
)
def test_the_selections_of_a_layout(layout, expected):
    table = drawn(30, 4)
    found = analyze_table(table, layout=layout)
    assert selections(found) == expected
    assert [each.grid for each in found.measures][1:] == [layout.grid] * (len(expected) - 1)
    first = layout.reserved + layout.prefix
    probe = position_probe(table[first : first + layout.positions], layout.grid)
    assert found.positions.position_probe == probe


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.bfloat16])
def test_every_precision_is_measured_as_the_numbers_it_holds(dtype):
    table = drawn(40, 6).astype(dtype)
    assert analyze_table(table).to_dict() == analyze_table(table.astype(np.float64)).to_dict()


@pytest.mark.parametrize("dtype", [complex, bool, object, "U3"])
def test_what_are_no_real_numbers(dtype):
    with pytest.raises(InvalidArgumentError, match="table must hold real numbers, got dtype"):
        analyze_table(np.ones((4, 2)).astype(dtype))


def test_a_large_table_is_thinned_and_quick():
    table = np.cumsum(drawn(3000, 64), axis=0)
    start = time.process_time()
    found = analyze_table(table)
    assert time.process_time() - start < 5  # 0.3 s on one core; a matrix of all pairs takes more than all of them
    assert found.notes == ("the rank correlation is over one row in 6", "the position probe saw one row in 3")
    assert found.positions.similarity.pairs == "one row in 6"
    assert len(found.positions.similarity.by_distance) == 3000
    assert found.positions.position_probe == position_probe(table[::3], spacing=3)
    assert found.positions.position_probe.holdout == (1200, 1800)


def test_rows_up_to_the_limits_are_all_used():
    assert analyze_table(drawn(512, 2)).notes == ()
    assert analyze_table(drawn(513, 2)).notes == ("the rank correlation is over one row in 2 (table, positions)",)
    assert analyze_table(drawn(1024, 2)).notes == ("the rank correlation is over one row in 2",)
    assert analyze_table(drawn(1025, 2)).notes == (  # without the first row it is 1,024 again
        "the rank correlation is over one row in 3 (table, positions)",
        "the position probe saw one row in 2 (table, positions)",
        "the rank correlation is over one row in 2 (positions without the first)",
    )


def test_what_was_thinned_of_the_whole_table_is_said():
    found = analyze_table(drawn(514, 2), layout=TableLayout(length=512, reserved=2))  # RoBERTa's
    assert found.measures[0].similarity.pairs == "one row in 2"
    assert any("one row in 2" in note for note in found.notes)


def test_the_record_cannot_be_changed():
    found = analyze_table(np.eye(3))
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.notes = ()
