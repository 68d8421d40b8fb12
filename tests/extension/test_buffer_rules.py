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
