"""What is shown first: the quick numbers are those of a whole analysis."""

import json

import numpy as np
import pytest

from posembed.errors import InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.measures.analysis import analyze_table
from posembed.tables.measures.brief import BriefAnalysis, brief_analysis, brief_of
from posembed.tables.measures.norms import NeighborSummary, NormSummary
from posembed.tables.measures.similarity import InvarianceSummary
from posembed.tables.measures.spectrum import RankSummary

KEYS = [
    *("norm", "effective_rank", "largest_rank", "toeplitz_r2", "roughness", "neighbour_cosine", "trained_range"),
    "notes",
]


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


@pytest.mark.parametrize(
    ("table", "layout"),
    [
        (drawn(64, 16), TableLayout(length=64)),
        (drawn(64, 16), TableLayout(length=58, reserved=2, prefix=1, suffix=3)),
        (drawn(31, 4), TableLayout(grid=(5, 6), prefix=1)),
        (drawn(1, 4), TableLayout(length=1)),
        (drawn(2, 4), TableLayout(length=2)),
        (np.ones((30, 4)), TableLayout(length=30)),
    ],
)
def test_quick_and_whole_are_the_same(table, layout):
    quick = brief_analysis(table, layout).to_dict()
    whole = brief_of(analyze_table(table, layout=layout)).to_dict()
    assert list(quick) == list(whole) == KEYS
    json.dumps(quick, allow_nan=False)
    for name in KEYS[:-2]:
        assert quick[name] == (None if whole[name] is None else pytest.approx(whole[name])), name
    assert quick["trained_range"] == whole["trained_range"]


def test_a_grid_has_no_neighbors_along_one_axis():
    found = brief_analysis(drawn(30, 4), TableLayout(grid=(5, 6))).to_dict()
    assert (found["roughness"], found["neighbour_cosine"]) == (None, None)
    assert found["toeplitz_r2"] is not None


def test_lines():
    lines = brief_analysis(drawn(64, 16), TableLayout(length=64)).lines()
    assert [name for name, _ in lines] == [
        *("norms", "effective rank", "translation invariance", "roughness", "trained range"), "",
    ]  # fmt: skip
    summaries = (
        NormSummary((9.0, 9.0, *range(1, 17)), tuple(range(1, 17))),
        RankSummary(3.25, 8),
        InvarianceSummary(0.5),
        NeighborSummary(0.25, 0.875),
    )
    assert BriefAnalysis(summaries, ("one note", "another")).lines() == [
        ("norms", "▁▁▂▂▃▃▄▄▅▅▆▆▇▇██  1 to 16, median 8.5"),
        ("effective rank", "3.2 of at most 8"),
        ("translation invariance", "50.0% of the cosines' variance is explained by distance alone"),
        ("roughness", "0.250 (random rows 1.22); cosine to the next row 0.875"),
        ("notes", "one note; another"),
    ]
    assert BriefAnalysis((InvarianceSummary(None), NeighborSummary(None, None))).lines() == []
    assert NeighborSummary(0.5, None).lines() == [("roughness", "0.500 (random rows 1.22); cosine to the next row –")]


def test_notes_of_a_whole_analysis_are_kept():
    assert brief_of(analyze_table(drawn(513, 4))).notes == analyze_table(drawn(513, 4)).notes != ()


def test_what_cannot_be_measured():
    with pytest.raises(InvalidArgumentError, match="layout describes 5 rows, but the table has 4"):
        brief_analysis(drawn(4, 4), TableLayout(length=5))
