import itertools
import math

import ml_dtypes
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.layout import TableLayout
from posembed.tables.extend import extend_table
from posembed.tables.resample import axis_weights, resize_grid

SWITCHES = list(itertools.product(["bicubic", "bilinear"], [False, True], [False, True]))
PAIRS = [
    ((37, 37), (16, 16)),
    ((14, 14), (24, 24)),
    ((14, 14), (37, 16)),
    ((7, 9), (9, 7)),
    ((16, 10), (61, 60)),
    ((61, 60), (14, 14)),
    ((1, 1), (3, 4)),
    ((5, 6), (1, 1)),
    ((1, 5), (5, 1)),
    ((2, 3), (3, 2)),
    ((3, 50), (7, 50)),
]


def drawn(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def interpolate(rows, grid, mode, antialias, align_corners):
    """What torch makes of ``[height, width, d]`` rows."""
    if antialias and grid[1] == 1 < grid[0]:  # torch's own slip, see test_one_column_is_one_row_turned
        turned = interpolate(np.ascontiguousarray(rows.swapaxes(0, 1)), grid[::-1], mode, antialias, align_corners)
        return turned.swapaxes(0, 1)
    image = torch.from_numpy(rows).permute(2, 0, 1)[None]
    found = F.interpolate(image, size=grid, mode=mode, antialias=antialias, align_corners=align_corners)
    return found[0].permute(1, 2, 0).numpy()


def naive_row(column, new, y, mode, antialias, align_corners):
    """One new value of one column of numbers, from the definition of the kernels, in Python floats."""
    old = len(column)
    step = old / new
    if align_corners:
        step = (old - 1) / (new - 1) if new > 1 else 0.0

    def kernel(x, a):
        x = abs(x)
        if mode == "bilinear":
            return max(0.0, 1 - x)
        if x < 1:
            return (a + 2) * x**3 - (a + 3) * x**2 + 1
        return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0

    if antialias:
        center, width = (y + 0.5) * step - 0.5, max(step, 1.0)
        weights = [kernel((i - center) / width, -0.5) for i in range(old)]
        return sum(w * v for w, v in zip(weights, column, strict=True)) / sum(weights)
    center = y * step if align_corners else (y + 0.5) * step - 0.5
    total = 0.0
    for i in range(math.floor(center) - 2, math.floor(center) + 4):
        total += kernel(center - i, -0.75) * column[min(max(i, 0), old - 1)]
    return total


@pytest.mark.parametrize(("mode", "antialias", "align_corners"), SWITCHES)
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_equal_to_torch(old, new, mode, antialias, align_corners):
    rows = drawn(*old, 4)
    found = resize_grid(rows, new, mode=mode, antialias=antialias, align_corners=align_corners)
    assert found.dtype == np.float32
    assert found.shape == (*new, 4)
    np.testing.assert_allclose(found, interpolate(rows, new, mode, antialias, align_corners), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("mode", "antialias", "align_corners"), SWITCHES)
@given(st.tuples(*[st.integers(1, 20)] * 4), st.integers(0, 2**31))
def test_equal_to_torch_in_float64_at_any_size(mode, antialias, align_corners, sizes, seed):
    rows = drawn(*sizes[:2], 2, dtype=np.float64, seed=seed)
    found = resize_grid(rows, sizes[2:], mode=mode, antialias=antialias, align_corners=align_corners)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, interpolate(rows, sizes[2:], mode, antialias, align_corners), rtol=0, atol=1e-11)


@pytest.mark.parametrize(("mode", "antialias", "align_corners"), SWITCHES)
@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 5), (5, 1), (2, 7), (7, 2), (37, 16), (16, 37), (6, 6)])
def test_one_axis_against_a_loop(old, new, mode, antialias, align_corners):
    column = drawn(old, 1, 1, dtype=np.float64)
    found = resize_grid(column, (new, 1), mode=mode, antialias=antialias, align_corners=align_corners)
    wanted = [naive_row(column.ravel().tolist(), new, y, mode, antialias, align_corners) for y in range(new)]
    np.testing.assert_allclose(found.ravel(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("mode", "antialias", "align_corners"), SWITCHES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_the_same_grid_is_a_copy(mode, antialias, align_corners, dtype):
    rows = drawn(5, 7, 3, dtype=dtype)
    rows[0, 0] = -0.0
    found = resize_grid(rows, (5, 7), mode=mode, antialias=antialias, align_corners=align_corners)
    assert not np.shares_memory(found, rows)
    assert found.astype(dtype).tobytes() == rows.tobytes()


def test_one_column_is_one_row_turned():
    """torch 2.13 on a CPU repeats the first row where an antialiased result is one column wide; this does not."""
    rows = drawn(4, 1, 3)
    for mode, antialias in itertools.product(["bicubic", "bilinear"], [False, True]):
        found = resize_grid(rows, (9, 1), mode=mode, antialias=antialias)
        turned = resize_grid(rows.swapaxes(0, 1), (1, 9), mode=mode, antialias=antialias)
        assert (found.swapaxes(0, 1) == turned).all()
        assert np.abs(np.diff(found, axis=0)).max() > 0.1


def test_the_switches_matter():
    """Their effect is far above the tolerance that the tests allow: 37 → 16 changes by about a tenth."""
    y, x = np.meshgrid(np.arange(37), np.arange(37), indexing="ij")
    rows = np.stack([np.sin(y / 2 + x / 3), np.cos(x - y / 5)], axis=-1)
    plain = resize_grid(rows, (16, 16))
    for options in ({"antialias": True}, {"align_corners": True}, {"mode": "bilinear"}):
        change = np.abs(resize_grid(rows, (16, 16), **options) - plain).mean() / np.abs(plain).mean()
        assert change > 0.02, options


@pytest.mark.parametrize(("mode", "antialias", "align_corners"), SWITCHES)
def test_weights_sum_to_one_and_a_constant_stays(mode, antialias, align_corners):
    for old, new in ((1, 4), (4, 1), (9, 5), (5, 9), (100, 2)):
        _, weights = axis_weights(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=0, atol=1e-12)


def test_height_and_width_are_not_swapped():
    rows = np.zeros((2, 3, 1))
    rows[1] = 1.0  # changes along the height alone
    found = resize_grid(rows, (4, 5), mode="bilinear")
    assert found.shape == (4, 5, 1)
    assert found[:, :, 0].tolist() == [[v] * 5 for v in (0.0, 0.25, 0.75, 1.0)]


def timm(table, new, old, prefix, antialias):
    """What timm 1.0's resample_abs_pos_embed does: split, float32, interpolate to a size, cast back, join."""
    joined = torch.from_numpy(table.astype(np.float32)).to(torch.bfloat16 if table.dtype.kind == "V" else torch.float32)
    head, rows = joined[:prefix], joined[prefix:].float()
    image = rows.reshape(1, *old, -1).permute(0, 3, 1, 2)
    image = F.interpolate(image, size=new, mode="bicubic", antialias=antialias)
    rows = image.permute(0, 2, 3, 1).reshape(-1, table.shape[1]).to(joined.dtype)
    return torch.cat([head, rows]).float().numpy()


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("prefix", [0, 1, 5])
@pytest.mark.parametrize(
    ("old", "new"), [((14, 14), (24, 24)), ((37, 37), (16, 16)), ((7, 9), (12, 5)), ((1, 1), (2, 2))]
)
def test_as_timm_resamples_a_table(old, new, prefix, antialias):
    table = drawn(prefix + old[0] * old[1], 8)
    layout = TableLayout(grid=old, prefix=prefix)
    found = extend_table(table, grid=new, method="bicubic", antialias=antialias, layout=layout)
    np.testing.assert_allclose(found, timm(table, new, old, prefix, antialias), rtol=0, atol=1e-5)
    half = table.astype(ml_dtypes.bfloat16)
    found = extend_table(half, grid=new, method="bicubic", antialias=antialias, layout=layout)
    assert found.dtype == ml_dtypes.bfloat16
    np.testing.assert_allclose(found.astype(np.float32), timm(half, new, old, prefix, antialias), rtol=8e-3, atol=1e-5)
    assert (found.astype(np.float32) == timm(half, new, old, prefix, antialias)).mean() > 0.99


@pytest.mark.parametrize(("old", "new"), [(o, n) for o, n in PAIRS if n != (7, 50)])
def test_nearest_and_tile_against_loops(old, new):
    table = drawn(2 + old[0] * old[1], 3, dtype=np.float16)
    layout = TableLayout(grid=old, prefix=2)
    nearest, tile = (extend_table(table, grid=new, method=name, layout=layout) for name in ("nearest", "tile"))
    assert len(nearest) == len(tile) == 2 + new[0] * new[1]
    for y, x in itertools.product(range(new[0]), range(new[1])):
        row = 2 + y * new[1] + x
        assert nearest[row].tobytes() == table[2 + (y * old[0] // new[0]) * old[1] + x * old[1] // new[1]].tobytes()
        assert tile[row].tobytes() == table[2 + (y % old[0]) * old[1] + x % old[1]].tobytes()


def test_tile_is_what_sam3_does():
    """Repeats of the whole grid, cut to size."""
    table = drawn(9, 2)
    wanted = np.tile(table.reshape(3, 3, 2), (3, 2, 1))[:7, :5].reshape(-1, 2)
    assert (
        extend_table(table, grid=(7, 5), method="tile", layout=TableLayout(grid=(3, 3))).tobytes() == wanted.tobytes()
    )


@pytest.mark.parametrize(
    ("rows", "grid", "options", "error", "message"),
    [
        (
            np.zeros((4, 2)),
            (2, 2),
            {},
            InvalidArgumentError,
            r"must be a non-empty \[height, width, d\], got .* \[4, 2\]",
        ),
        (np.zeros((0, 2, 2)), (2, 2), {}, InvalidArgumentError, r"non-empty .* got shape \[0, 2, 2\]"),
        (np.zeros((2, 2, 1)), (2, 0), {}, InvalidArgumentError, "grid's width=0 must be at least 1"),
        (np.zeros((2, 2, 1)), (2.0, 2), {}, ArgumentTypeError, r"grid's height=2\.0 must be a whole number"),
        (np.zeros((2, 2, 1)), 4, {}, ArgumentTypeError, r"grid=4 must be \(height, width\), two whole numbers"),
        (np.zeros((2, 2, 1)), (2, 2, 2), {}, ArgumentTypeError, r"grid=\(2, 2, 2\) must be \(height, width\)"),
        (
            np.zeros((2, 2, 1)),
            (3, 3),
            {"mode": "area"},
            InvalidArgumentError,
            "mode='area' must be one of bilinear, bicubic",
        ),
        (np.zeros((2, 2, 1)), (2, 2), {"antialias": 1}, ArgumentTypeError, "antialias=1 must be True or False"),
        (np.zeros((2, 2, 1)), (2, 2), {"align_corners": None}, ArgumentTypeError, "align_corners=None must be True or"),
    ],
)
def test_what_cannot_be(rows, grid, options, error, message):
    with pytest.raises(error, match=message):
        resize_grid(rows, grid, **options)
