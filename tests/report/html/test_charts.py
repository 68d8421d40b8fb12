import base64
import json

import numpy as np
import pytest

from posembed.report.html.charts import Chart, Series, no_chart, packed, rounded


def test_numbers_are_rounded():
    assert rounded([1.23456789, None, float("inf"), float("nan"), 0.0]) == [1.2346, None, None, None, 0.0]
    assert rounded([123456.0], digits=3) == [123000.0]


@pytest.mark.parametrize("shape", [(2, 2), (3, 1)])
def test_matrices_are_packed(shape):
    values = np.random.default_rng(0).uniform(-1, 1, shape)
    values[0, 0] = -1.0
    found = packed(values)
    assert (found["shape"], found["step"]) == (list(shape), 1e-4)
    back = np.frombuffer(base64.b64decode(found["base64"]), "<i2").reshape(shape) * found["step"]
    np.testing.assert_allclose(back, values, atol=found["step"] / 2 + 1e-12)


@pytest.mark.parametrize(
    ("x", "stored"),
    [
        ([0, 1, 2, 3], {"start": 0, "step": 1, "count": 4}),
        ([5, 3, 1], {"start": 5, "step": -2, "count": 3}),
        ([0, 1], [0.0, 1.0]),
        ([0, 1, 3], [0.0, 1.0, 3.0]),
        ([2, 2, 2], [2.0, 2.0, 2.0]),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 2.0]),
    ],
)
def test_evenly_spaced_places_are_stored_short(x, stored):
    assert Series("s", x, [1.0] * len(x)).to_dict()["x"] == stored


def test_a_band_needs_both_ends():
    plain = Series("s", [0], [1.0], low=[0.5], high=[1.5], dash="dot", points=True, color=3).to_dict()
    assert (plain["low"], plain["high"]) == ([0.5], [1.5])
    assert (plain["dash"], plain["points"], plain["color"]) == ("dot", True, 3)
    assert "low" not in Series("s", [0], [1.0], low=[0.5]).to_dict()


def test_a_chart_is_plain_values():
    chart = Chart("lines", "title", "x", "y", "reading", [Series("s", [0], [None])], log_y=True, marks=[{"from": 1}])
    plain = json.loads(json.dumps(chart.to_dict(), allow_nan=False))
    assert list(plain) == [
        *("kind", "title", "x_title", "y_title", "reading", "series", "data", "log_y", "marks", "empty")
    ]
    assert plain["series"][0]["y"] == [None]
    assert plain["marks"] == [{"from": 1}]
    assert no_chart("heat", "title", "nothing was measured").empty == "nothing was measured"
