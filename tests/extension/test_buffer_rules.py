"""Each kind of saved buffer: which numbers count as rounded, and how values go on."""

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from posembed.errors import CheckpointError
from posembed.extension.buffer_rules import (
    AttentionMask,
    PositionNumbers,
    QuantizedCopy,
    RelativePositions,
    TokenTypes,
    common_parts,
    nearest,
)
from posembed.find.found import FoundTable
from posembed.layout import TableLayout


def numbers(values, length):
    return PositionNumbers().extend("position_ids", values, (1, length), "file")


def test_numbers_that_bfloat16_rounded_are_repaired():
    """257 became 256, off by one part in 257: the largest error that rounding to bfloat16 makes."""
    rounded = np.arange(300).astype(ml_dtypes.bfloat16).astype(np.float32)[None]
    assert rounded[0, 257] == 256
    assert np.array_equal(numbers(rounded, 400)[0], np.arange(400))


def test_numbers_that_are_further_off_were_not_rounded():
    """302 in the place of 300 is more than rounding: one part in 150, where bfloat16 keeps one in 256."""
    wrong = np.arange(400, dtype=np.float32)[None]
    wrong[0, 300] = 302
    with pytest.raises(CheckpointError, match="should count 0, 1, 2, … and does not"):
        numbers(wrong, 500)


def test_whole_numbers_are_not_rounded():
    wrong = np.arange(1000)[None]
    wrong[0, 999] = 998
    with pytest.raises(CheckpointError, match="repair or remove that buffer first"):
        numbers(wrong, 1001)


def test_numbers_may_begin_anywhere():
    assert numbers(np.arange(2, 6)[None], 6).tolist() == [[2, 3, 4, 5, 6, 7]]


def test_token_types_are_repeated_in_every_row_of_a_batch():
    ones = np.ones((2, 3), np.int64)
    assert np.array_equal(TokenTypes().extend("token_type_ids", ones, (2, 5), "file"), np.ones((2, 5)))


def test_a_mask_depends_on_the_distance():
    window = np.tril(np.ones((4, 4))) - np.tril(np.ones((4, 4)), -2)
    expected = np.tril(np.ones((6, 6))) - np.tril(np.ones((6, 6)), -2)
    grown = AttentionMask().extend("attn.bias", window[None, None], (1, 1, 6, 6), "file")
    assert np.array_equal(grown[0, 0], expected)


LOWER, UPPER = np.tril(np.ones((4, 4))), np.triu(np.ones((4, 4)), 1)


@pytest.mark.parametrize("lead", [(), (1,), (1, 1), (2, 3), (1, 1, 1)], ids=str)
@pytest.mark.parametrize(
    ("triangle", "dtype", "allowed", "forbidden"),
    [
        (LOWER, np.bool_, True, False),
        (LOWER, np.uint8, 1, 0),
        (LOWER, np.float32, 0.0, -np.inf),
        (LOWER, np.float16, 0.0, -1e4),
        (UPPER, np.bool_, True, False),
        (UPPER, np.float32, -np.inf, 0.0),
        (UPPER, ml_dtypes.bfloat16, -np.inf, 0.0),
    ],
)
def test_masks_of_every_rank_and_kind(lead, triangle, dtype, allowed, forbidden):
    half = np.tril if triangle is LOWER else lambda ones: np.triu(ones, 1)
    old, new = (np.where(half(np.ones((n, n))), allowed, forbidden).astype(dtype) for n in (4, 7))
    rule, shape = AttentionMask(), (*lead, 7, 7)
    assert rule.fits((*lead, 4, 4))
    grown = rule.extend("h.0.attn.bias", np.broadcast_to(old, (*lead, 4, 4)), shape, "file")
    assert grown.dtype == old.dtype
    assert np.array_equal(grown, np.broadcast_to(new, shape))


def test_a_bias_that_goes_on_falling_is_no_mask():
    distance = np.arange(4)[:, None] - np.arange(4)[None, :]
    with pytest.raises(CheckpointError, match="another value at every distance, so it is no mask"):
        AttentionMask().extend("attn.bias", -np.abs(distance).astype(np.float32), (6, 6), "file")


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("h.0.attn.bias", True),
        ("blocks.0.att.mask", True),
        ("blocks.0.sa.heads.0.tril", True),
        ("transformer.causal_mask", True),
        ("attn_mask", True),
        ("decoder._future_mask", True),
        ("h.0.attn.c_attn.bias_term", False),
        ("mask_token", False),
        ("unmasked.weight", False),
    ],
)
def test_names_of_masks(key, known):
    assert bool(AttentionMask.names.search(key)) is known


@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 4), (1, 1, 4), (4, 1), (2, 1, 4, 1)])
def test_numbers_and_types_of_every_rank(shape):
    axis = max(place for place, size in enumerate(shape) if size == 4)
    line = [1] * len(shape)
    line[axis] = 4
    values = np.broadcast_to(np.arange(4).reshape(line), shape)
    new = tuple(6 if place == axis else size for place, size in enumerate(shape))
    line[axis] = 6
    for rule, old, expected in (
        (PositionNumbers(), values, np.broadcast_to(np.arange(6).reshape(line), new)),
        (TokenTypes(), np.ones_like(values), np.ones(new)),
    ):
        assert rule.fits(shape)
        assert rule.length(shape) == 4
        assert rule.shape_for("ids", shape, TableLayout(length=4), TableLayout(length=6)) == new
        assert np.array_equal(rule.extend("ids", old, new, "file"), expected)


def test_a_single_number_is_no_buffer_of_positions():
    assert not PositionNumbers().fits((1,))
    assert not PositionNumbers().fits(())


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("embeddings.position_ids", True),
        ("pos_ids", True),
        ("vision.position_idx", True),
        ("embeddings.position_indices", True),
        ("embed.positions", True),
        ("attn.relative_position_idx", False),
        ("attn.rel_pos_idx", False),
        ("attn.relative_position_index", False),
    ],
)
def test_names_of_position_numbers(key, known):
    assert bool(PositionNumbers.names.search(key)) is known


def test_a_mask_needs_a_square():
    rule = AttentionMask()
    assert rule.fits((1, 1, 8, 8))
    assert not rule.fits((8,))  # the bias of a layer
    assert not rule.fits((1, 1, 8, 9))
    assert not rule.fits((1, 1, 1, 1))


def grid_table(key, height, width):
    layout = TableLayout(grid=(height, width))
    return FoundTable(key, (1, height, width, 8), "F32", Path("file"), "sam", layout, kind="grid")


def test_relative_positions_follow_height_and_width():
    rule, table = RelativePositions(), grid_table("vision.pos_embed", 4, 6)
    assert rule.table("vision.layers.0.rel_pos_h", (7, 8), [table]) is table
    assert rule.table("vision.layers.0.rel_pos_w", (11, 8), [table]) is table
    assert rule.table("vision.layers.0.rel_pos_h", (11, 8), [table]) is None  # a window, or the other side
    assert rule.table("text.layers.0.rel_pos_h", (7, 8), [table]) is None  # another tower
    new = TableLayout(grid=(8, 12))
    assert rule.shape_for("a.rel_pos_h", (7, 8), table.layout, new) == (15, 8)
    assert rule.shape_for("a.rel_pos_w", (11, 8), table.layout, new) == (23, 8)


def test_a_quantized_copy_belongs_to_the_table_of_its_module():
    def matrix(key):
        return FoundTable(key, (18, 8), "F32", Path("file"), "ibert", TableLayout(length=18), kind="sequence")

    near, far = matrix("a.position_embeddings.weight"), matrix("b.position_embeddings.weight")
    found = QuantizedCopy().table("b.position_embeddings.weight_integer", (18, 8), [near, far])
    assert found is far
    assert QuantizedCopy().table("c.position_embeddings.weight_integer", (18, 8), [near, far]) is None


def test_the_nearest_key_shares_the_longest_start():
    tables = [grid_table("text.embeddings.pos", 2, 2), grid_table("vision.embeddings.pos", 2, 2)]
    assert nearest("vision.embeddings.position_ids", tables) is tables[1]
    assert nearest("vision.x", []) is None
    assert common_parts("a.b.c", "a.b") == 2
    assert common_parts("a", "b") == 0
