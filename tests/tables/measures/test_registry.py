"""A measure is registered once; analysis, terminal and page take it from there."""

import dataclasses

import numpy as np
import pytest

from posembed.tables.measures import analysis, brief, registry
from posembed.tables.measures.analysis import analyze_table
from posembed.tables.measures.brief import brief_analysis
from posembed.tables.measures.measure import Measure, Scalar, Selection, SummaryMeasure
from posembed.tables.measures.registry import MEASURES, SUMMARY, Measures, measured, notes_of


def selection(name="table", rows=30, grid=None, axis=True):
    return Selection(name, 0, np.random.default_rng(0).standard_normal((rows, 4)), grid, axis)


def test_every_measure_is_a_field():
    names = [field.name for field in dataclasses.fields(Measures)]
    assert names == ["selection", "first_row", "rows", "grid", *(measure.name for measure in MEASURES)]


def test_every_scalar_is_a_number_or_nothing():
    found = measured(selection())
    for measure in MEASURES:
        for scalar in measure.scalars:
            assert isinstance(scalar.value(getattr(found, measure.name)), float | int), scalar.words
    words = [scalar.words for measure in MEASURES for scalar in measure.scalars]
    assert len(set(words)) == len(words)


def test_what_is_not_defined_is_none():
    mixed = measured(selection(axis=False))
    assert (mixed.similarity, mixed.position_probe, mixed.order_probe, mixed.spectrum.helix) == (None,) * 4
    grid = measured(selection(grid=(5, 6), axis=False))
    assert grid.order_probe is None
    assert grid.similarity is not None
    assert grid.position_probe is not None


def test_notes_name_their_selections():
    selections = (selection("a", 5), selection("b"), selection("c", 5, axis=False))
    notes = notes_of(selections, tuple(map(measured, selections)))
    assert notes == ["no probes, which need 20 rows that are not all equal (a)"]
    both = (selection("a", 5), selection("b", 6), selection("c", 5, axis=False))
    assert notes_of(both, tuple(map(measured, both))) == ["no probes, which need 20 rows that are not all equal"]


@dataclasses.dataclass(frozen=True)
class Largest:
    value: float

    def to_dict(self):
        return {"largest": self.value}

    def lines(self):
        return [("largest number", f"{self.value:.1f}")]


def test_a_new_measure_is_computed_and_shown(monkeypatch):
    """Register one in place of the order probe: the analysis holds it, the page lists it, the terminal prints it."""
    from posembed.report.html import inspect as page

    largest = Measure("order_probe", lambda each: Largest(float(each.rows.max())), (Scalar("max", lambda v: v.value),))
    shown = SummaryMeasure(lambda table: Largest(float(table.rows.max())), lambda whole: whole.positions.order_probe)
    monkeypatch.setattr(registry, "MEASURES", (*MEASURES[:-1], largest))
    monkeypatch.setattr(page, "MEASURES", (*MEASURES[:-1], largest))
    monkeypatch.setattr(brief, "SUMMARY", (*SUMMARY, shown))
    table = np.zeros((30, 4))
    table[7, 2] = 5.0
    found = analyze_table(table)
    assert found.to_dict()["measures"][1]["order_probe"] == {"value": 5.0}
    assert "<td>5</td>" in page.measures_table(found)
    assert brief.brief_of(found).lines()[-1] == ("largest number", "5.0")
    assert brief_analysis(table, found.layout).to_dict()["largest"] == 5.0


@pytest.mark.parametrize("name", ["Measures", "TableAnalysis", "analyze_table"])
def test_documented_names(name):
    assert hasattr(analysis, name)
