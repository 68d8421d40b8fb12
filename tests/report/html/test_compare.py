"""The page of a comparison, its charts, and what a notebook shows of it."""

import dataclasses
import json
import re

import numpy as np
import pytest

from posembed.errors import WorkFailedError
from posembed.report.html.compare import (
    beyond_chart,
    compare_page,
    curve_chart,
    position_chart,
    show_comparison,
    trained_tables,
)
from posembed.report.html.notebook import render
from posembed.report.html.words import escaped


def charts_of(page):
    return json.loads(re.search(r'id="charts">(.*?)</script>', page, re.DOTALL)[1])


def test_losses_by_position(results):
    chart = position_chart(results)
    length = results.configuration.train_length
    assert [each.name for each in chart.series] == [
        "learned",
        "learned, tile beyond",
        "learned, linear beyond",
        "sinusoidal",
        "sinusoidal, direct beyond",
        "alibi",
        "alibi, direct beyond",
    ]
    for place, arm in enumerate(results.arms):
        series = next(each for each in chart.series if each.name == arm.encoding)
        mean, error = arm.per_position.mean, arm.per_position.standard_error
        assert len(series.y) == length
        assert series.high[3] == pytest.approx(mean[3] + 1.96 * error[3])
        assert series.low[3] == pytest.approx(mean[3] - 1.96 * error[3])
        beyond = [each for each in chart.series if each.name.startswith(f"{arm.encoding}, ")]
        assert all(list(each.x) == list(range(length, 2 * length)) for each in beyond)
        assert {each.color for each in (series, *beyond)} == {place}
    assert chart.marks == [{"from": length - 0.5, "to": 2 * length - 1, "label": "not seen in training"}]


def test_losses_beyond(results):
    chart = beyond_chart(results)
    tiled = next(each for each in chart.series if each.name == "learned + tile")
    entry = next(e for e in results.arms[0].beyond if (e.method, e.factor) == ("tile", 2.0))
    assert tiled.y[tiled.x.index(2.0)] == entry.loss_beyond.mean
    assert tiled.low[tiled.x.index(2.0)] == entry.loss_beyond.low
    direct = next(each for each in chart.series if each.name == "sinusoidal")
    assert direct.y[0] == results.arms[1].beyond[0].loss.mean  # at 1× the loss of all tokens
    assert chart.reading.endswith("Without rows for longer inputs, so an error: learned.")


def test_curves(results):
    chart = curve_chart(results)
    assert [each.name for each in chart.series][:2] == ["learned, seed 0", "learned, seed 1"]
    assert len(chart.series) == 6  # three arms, two seeds
    assert list(chart.series[0].x) == [4, 8, 12]
    assert f"learned, seed 0 {chart.series[0].y[-1]:.3f}" in chart.reading


def test_the_page(results):
    rows = np.cumsum(np.random.default_rng(0).standard_normal((16, 8)), axis=0)
    page = compare_page(results, {"learned-seed0": rows})
    assert page.index("Verdict") < page.index("Measured") < page.index("Charts") < page.index("Table of learned-seed0")
    assert all(escaped(sentence) in page for sentence in results.verdict)
    assert len(charts_of(page)) > 6


def test_arms_that_failed(with_failures):
    page = compare_page(with_failures, {})
    assert "the loss became nan at step 3 of 12" in page
    json.dumps(charts_of(page), allow_nan=False)
    assert [each.name for each in position_chart(with_failures).series] == ["alibi", "alibi, direct beyond"]
    nothing = dataclasses.replace(with_failures, arms=with_failures.arms[:1])
    assert [chart(nothing).empty for chart in (position_chart, beyond_chart, curve_chart)] == [
        "no arm finished",
        "nothing was measured past the training length",
        "no arm reached its first evaluation",
    ]


def test_trained_tables_are_those_of_the_first_seed(made):
    results, folder = made
    tables = trained_tables(results, folder)
    assert list(tables) == ["learned-seed0"]  # the sinusoid was not trained
    assert tables["learned-seed0"].shape == (16, 16)


def test_a_damaged_table_is_named(results, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "learned-seed0.safetensors").write_bytes(b"nothing")
    with pytest.raises(WorkFailedError, match=r"learned-seed0.safetensors is damaged \(.+\); delete its unit"):
        trained_tables(results, tmp_path)


def test_a_notebook_shows_the_same_tables(results):
    shown = results._repr_html_()
    assert shown == render(results) == show_comparison(results)
    assert shown.index(escaped(results.verdict[0])) < shown.index("Cost of the position part")
    assert "Counting baselines" in shown
