"""Tables whose truth is known because they are made here; the study in benchmarks/ trains real ones."""

import json

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import InvalidArgumentError
from posembed.tables.extend import extend_table
from posembed.tables.measures.sinusoids import sinusoidal_table
from posembed.tables.trained_range.detect import trained_range

DRAWS = {
    "normal": lambda draw, size: draw.normal(0, 0.02, size),
    "uniform": lambda draw, size: draw.uniform(-0.05, 0.05, size),
    "truncated": lambda draw, size: np.clip(draw.normal(0, 0.02, size), -0.04, 0.04),
    "signs": lambda draw, size: draw.choice([-0.02, 0.02], size),
}


def table(rows, width, end, kind="normal", *, smooth=True, strength=0.03, seed=0):
    """An initial draw whose first ``end`` rows have moved along smooth or rough curves with a common mean."""
    draw = np.random.default_rng(seed)
    made = DRAWS[kind](draw, (rows, width))
    t = np.arange(end)[:, None]
    if smooth:
        phase = draw.uniform(0, 6, width)
        made[:end] += strength * (0.5 * draw.normal(size=width) + np.sin(t / rows * draw.uniform(2, 20, width) + phase))
    else:
        made[:end] += strength * (0.5 * draw.normal(size=width) + draw.normal(size=(end, width)))
    return made


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize(("rows", "width", "end"), [(512, 64, 128), (128, 32, 90), (96, 256, 40), (63, 60, 50)])
def test_an_untouched_tail_is_found(kind, smooth, rows, width, end):
    found = trained_range(table(rows, width, end, kind, smooth=smooth))
    assert found.verdict == "ends"
    assert abs(found.end - end) <= 0.04 * end
    assert found.low <= found.end <= found.high
    assert found.suggested_usable_length == found.end
    assert 0 < found.confidence <= 1


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 100.0, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_scale_does_not_matter(scale, dtype):
    made = table(256, 64, 100)
    assert trained_range((made * scale).astype(dtype)).end == trained_range(made).end


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_rounded_tables(dtype):
    assert trained_range(table(256, 64, 100).astype(dtype)).end == 100


@given(st.integers(0, 2**31), st.integers(32, 300), st.integers(8, 80))
def test_a_whole_random_table_has_no_end(seed, rows, width):
    """Of a mere draw nothing is claimed."""
    assert trained_range(np.random.default_rng(seed).normal(size=(rows, width))).verdict == "unknown"


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("rows", "width"), [(512, 64), (64, 32), (128, 200)])
def test_a_table_trained_whole_has_no_end(smooth, seed, rows, width):
    found = trained_range(table(rows, width, rows, smooth=smooth, seed=seed))
    assert found.end is None
    if not smooth and rows * width < 4096:  # the last eight of few narrow rough rows prove nothing
        assert found.verdict in ("whole", "unknown")
        return
    assert found.verdict == "whole"
    assert found.suggested_usable_length == rows


@pytest.mark.parametrize("seed", range(5))
def test_walks_are_trained_whole(seed):
    walk = np.cumsum(np.random.default_rng(seed).normal(size=(300, 40)), axis=0)
    assert trained_range(walk).verdict == "whole"


def test_zeros_copies_and_sinusoids():
    made = table(200, 32, 200)
    made[120:] = 0
    found = trained_range(made)
    assert (found.end, found.evidence) == (120, ("the 80 rows from position 120 on are all zero",))
    made[120:] = 0.3
    assert trained_range(made).evidence == ("the 80 rows from position 120 on are all equal",)

    tiled = trained_range(extend_table(table(64, 32, 64), 150, method="tile"))
    assert tiled.end == 64
    assert "copies of earlier ones, one period of 64" in tiled.evidence[0]

    fixed = 0.02 * sinusoidal_table(200, 32)
    fixed[:77] += table(77, 32, 77)
    found = trained_range(fixed)
    assert found.end == 77
    assert "one norm (to 0.1 %), as those of a sinusoid" in found.evidence[0]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (np.ones((1, 4)), "1 positions are too few to judge: 24 are needed"),
        (table(23, 8, 10), "23 positions are too few"),
        (np.full((50, 4), 0.1), "all rows are equal"),
        (np.zeros((50, 4)), "all rows are equal"),
        (sinusoidal_table(100, 16), "all rows have one norm (to 0.1 %)"),
        (np.random.default_rng(0).normal(size=(100, 16)), "the whole table matches its initial distribution"),
        (table(100, 16, 50, strength=1e-5), "the whole table matches its initial distribution"),
    ],
)
def test_where_the_table_cannot_tell(made, reason):
    found = trained_range(made)
    assert (found.verdict, found.end, found.confidence, found.suggested_usable_length) == ("unknown", None, None, None)
    assert reason in found.evidence[0]


def test_odd_rows_at_the_end_are_not_suggested():
    made = table(512, 64, 512)
    made[[300, 510, 511]] *= 2
    found = trained_range(made)
    assert found.verdict == "whole"
    assert set(found.odd_rows) >= {300, 510, 511}
    assert found.suggested_usable_length == 510
    assert "the last 2 rows stand out" in found.evidence[-1]


def test_a_step_between_two_trained_parts_is_told_but_no_end():
    made = table(400, 64, 400)
    made[150:] *= 1.6
    found = trained_range(made)
    assert found.verdict == "whole"
    assert any("the rows change abruptly at position 150" in sentence for sentence in found.evidence)


def test_the_record_is_plain_json():
    for made in (table(96, 16, 40), table(96, 16, 96), np.ones((40, 2))):
        record = json.loads(json.dumps(trained_range(made).to_dict(), allow_nan=False))
        assert set(record) == set(trained_range(made).__dataclass_fields__)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    made = table(64, 8, 30)
    made[50, 3] = bad
    with pytest.raises(InvalidArgumentError, match="row 50 is the first of 1 such rows"):
        trained_range(made)
