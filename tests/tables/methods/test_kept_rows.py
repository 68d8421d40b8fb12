"""Promises that several methods share."""

import pytest

from posembed.tables.methods.kept_rows import keeps_nothing, keeps_old_rows


@pytest.mark.parametrize(("old", "new", "kept"), [(3, 5, 3), (5, 3, 3), (4, 4, 4), (0, 2, 0)])
def test_old_rows_stay_in_their_places(old, new, kept):
    assert keeps_old_rows(old, new, seed=1).tolist() == [[row, row] for row in range(kept)]


def test_no_promise():
    assert keeps_nothing(3, 5).shape == (0, 2)
