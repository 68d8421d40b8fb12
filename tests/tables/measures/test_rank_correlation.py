import numpy as np
import pytest
from scipy.stats import spearmanr

from posembed.errors import InvalidArgumentError
from posembed.tables.measures.rank_correlation import RANKED_ROWS, rank_correlation, ranked_similarity
from posembed.tables.rows import centered, unit_rows


def drawn(rows, width, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, width))


@pytest.mark.parametrize("grid", [None, (4, 6)])
def test_against_scipy(grid):
    table = np.cumsum(drawn(24, 5), axis=0)
    unit = unit_rows(centered(table))
    first, second = np.triu_indices(24, 1)
    places = np.arange(24)[:, None] if grid is None else np.stack(np.divmod(np.arange(24), 6), axis=1)
    distances = np.linalg.norm(places[first] - places[second], axis=1)
    wanted = spearmanr((unit @ unit.T)[first, second], -distances).statistic
    assert rank_correlation(table, grid) == pytest.approx(wanted, abs=1e-9)


def test_of_many_rows_every_kth_is_taken():
    assert ranked_similarity(unit_rows(centered(drawn(RANKED_ROWS, 2))), None)[1] == 1
    table = np.cumsum(drawn(RANKED_ROWS + 1, 2), axis=0)
    unit = unit_rows(centered(table))
    found, step = ranked_similarity(unit, None)
    assert step == 2
    assert found == ranked_similarity(unit[::2], None)[0]


def test_where_ranks_mean_nothing():
    assert rank_correlation(drawn(2, 3)) is None
    assert rank_correlation(np.ones((10, 3))) is None
    assert rank_correlation(np.eye(10)) is None  # all cosines are equal but for rounding
    with pytest.raises(InvalidArgumentError, match="grid=2x6 is not the 24 rows"):
        rank_correlation(drawn(24, 5), (2, 6))
