"""Which rows positions read when they are moved."""

import numpy as np
import pytest

from posembed.layout import TableLayout
from posembed.quality.behavior.moves import UNMOVED, Move, RandomRows, grid_moves, sequence_moves, start_at

TABLE = np.arange(20.0)[:, None] * np.ones(3)


def by_name(moves):
    return {(move.name, move.amount): move for move in moves}


def test_a_text_that_starts_later_reads_later_rows_and_reserved_rows_stay():
    layout = TableLayout(length=18, reserved=2)
    moved = start_at(10, 4).apply(TABLE, layout)
    assert moved[:, 0].tolist() == [0, 1, 12, 13, 14, 15, *range(6, 20)]
    assert TABLE[2, 0] == 2  # the table itself is not changed


def test_the_moves_of_a_sequence_stay_inside_the_table():
    moves = by_name(sequence_moves(64, 16, 0))
    assert [amount for name, amount in moves if name == "start"] == list(range(4, 49, 4))
    assert [amount for name, amount in moves if name == "start, first kept"] == [4, 8, 16, 32]
    kept = moves["start, first kept", 8]
    assert kept.source[:3].tolist() == [0, 9, 10]
    assert [amount for name, amount in moves if name == "spread"] == [2, 3, 4]
    assert moves["spread", 4].source[-1] == 60
    assert sorted(moves["permuted", None].source.tolist()) == list(range(16))
    assert all(move.source is None or move.source.max() < 64 for move in moves.values())
    other = by_name(sequence_moves(64, 16, 1))["permuted", None]
    assert other.source.tolist() != moves["permuted", None].source.tolist()


def test_the_mean_row_is_that_of_the_positions_alone():
    layout = TableLayout(length=17, reserved=2, suffix=1)
    moved = Move("mean row", None, None).apply(TABLE, layout)
    assert moved[:2, 0].tolist() == [0, 1]
    assert moved[-1, 0] == 19
    assert set(moved[2:-1, 0].tolist()) == {10.0}
    assert np.array_equal(UNMOVED.apply(TABLE, layout), TABLE)


def test_random_rows_have_the_norm_of_the_last_rows():
    moved = RandomRows(count=5).apply(TABLE, TableLayout(length=18, reserved=2))
    assert np.allclose(np.linalg.norm(moved[2:7], axis=1), np.linalg.norm(TABLE[17]))  # the median of the last five
    assert np.array_equal(moved[[0, 1, *range(7, 20)]], TABLE[[0, 1, *range(7, 20)]])
    assert not np.allclose(moved[2:7], TABLE[2:7])


def test_the_moves_of_a_grid_keep_its_class_row():
    layout = TableLayout(grid=(3, 6), prefix=2)
    moves = by_name(grid_moves((3, 6), 0))
    rolled = moves["rolled", 1].apply(TABLE, layout)[:, 0]
    assert rolled[:2].tolist() == [0, 1]
    assert rolled[2] == 2 + 6 + 1  # the patch of the next row and column
    assert sorted(rolled.tolist()) == list(range(20))
    crowded = moves["crowded", 2].source.reshape(3, 6)
    assert crowded.tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[6, 6, 7, 7, 8, 8]]
    assert ("crowded", 4) not in moves  # three rows of patches cannot share four to a side


@pytest.mark.parametrize(("positions", "tokens"), [(8, 4), (77, 19), (512, 64), (4096, 64)])
def test_any_table_has_moves(positions, tokens):
    names = {move.name for move in sequence_moves(positions, tokens, 0)}
    assert {"start", "start, first kept", "permuted", "mean row", "row 0", "random rows"} <= names
